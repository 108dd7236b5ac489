import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileGrants, EFFECTIVE_PERMISSIONS_MAX } from './permission.ts'
import { randomCase } from './permission-cases.test-support.ts'
import { modelSatisfies, queryText } from './permission-model.test-support.ts'
import {
  parsePermissionQuery,
  PERMISSION_QUERY_LENGTH_MAX,
  QUERY_DEPTH_MAX,
  QUERY_PERMISSIONS_MAX,
  satisfies,
} from './permission-query.ts'

const parsed = (text: string) => parsePermissionQuery(text).query
const problem = (text: string) => parsePermissionQuery(text).problem

test('a single permission is its own query', () => {
  assert.equal(parsed('orders.spot:trade'), 'orders.spot:trade')
})

test('NOT binds closer than AND, AND closer than OR, and parentheses group', () => {
  assert.deepEqual(parsed('a:x OR b:x AND NOT c:x'), { or: ['a:x', { and: ['b:x', { not: 'c:x' }] }] })
  assert.deepEqual(parsed(' ( a:x OR b:x )AND NOT(c:x) '), {
    and: [{ or: ['a:x', 'b:x'] }, { not: 'c:x' }],
  })
})

test('what cannot be read is refused with the place where it is wrong', () => {
  for (const [text, expected] of [
    ['', /expects an exact permission .* at character 1/],
    ['a:x AND', /expects an exact permission .* at character 8/],
    ['a:x b:x', /expects AND, OR or its end at character 5/],
    ['(a:x', /lacks a \) for the \( at character 1/],
    ['a:x)', /expects AND, OR or its end at character 4/],
    ['a:x and b:x', /expects AND, OR or its end at character 5/],
    ['a:* OR b:x', /exact permission/],
    ['NOT', /exact permission/],
    ['a:x OR OR b:x', /at character 8/],
  ] as const)
    assert.match(problem(text) ?? '', expected, text)
})

test('length, permissions and depth of a query are bounded', () => {
  const many = (count: number): string => Array.from({ length: count }, () => 'a:x').join(' OR ')
  assert.equal(problem(many(QUERY_PERMISSIONS_MAX)), null)
  assert.match(problem(many(QUERY_PERMISSIONS_MAX + 1)) ?? '', /more than 32/)
  const deep = (depth: number): string => `${'('.repeat(depth)}a:x${')'.repeat(depth)}`
  assert.equal(problem(deep(QUERY_DEPTH_MAX)), null)
  assert.match(problem(deep(QUERY_DEPTH_MAX + 1)) ?? '', /nested deeper/)
  assert.match(problem(`${'NOT '.repeat(100)}a:x`) ?? '', /nested deeper/)
  assert.match(problem('('.repeat(PERMISSION_QUERY_LENGTH_MAX + 1)) ?? '', /longer than/)
})

test('no text makes the parser throw', () => {
  const word = fc.constantFrom('a:x', 'b.c:y', 'AND', 'OR', 'NOT', '(', ')', ' ', '*', '\u0000')
  const text = fc.oneof(
    fc.string(),
    fc.array(word).map((words) => words.join(' ')),
  )
  fc.assert(
    fc.property(text, (input) => {
      const { query, problem: why } = parsePermissionQuery(input)
      assert.equal(query === null, why !== null)
    }),
  )
})

test('queries over grants, denies, wildcards and roles decide as the reference model does', () => {
  fc.assert(
    fc.property(fc.infiniteStream(fc.nat()), (numbers) => {
      const random = (below: number): number => Number(numbers.next().value ?? 0) % below
      const { lists, query } = randomCase(random)
      const read = parsed(queryText(query))
      assert.ok(read !== null)
      const grants = compileGrants([...new Set(lists.flat())], EFFECTIVE_PERMISSIONS_MAX)
      assert.equal(satisfies(grants, read), modelSatisfies(lists, query))
    }),
    { numRuns: 5_000 },
  )
})
