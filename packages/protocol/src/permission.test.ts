import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  allows,
  compileGrants,
  covers,
  isGrantedPermission,
  isWantedPermission,
  PERMISSION_LENGTH_MAX,
  PERMISSIONS_MAX,
} from './permission.ts'

const allowsAll = (granted: readonly string[], wanted: string): boolean =>
  allows(compileGrants(granted), wanted)

/** What is granted, what is wanted, whether it is allowed. */
const decisions: readonly (readonly [granted: readonly string[], wanted: string, allowed: boolean])[] = [
  [[], 'market:read', false],
  [['market:read'], 'market:read', true],
  [['market:read'], 'market:write', false],
  [['market:read'], 'markets:read', false],
  [['market:read'], 'market.spot:read', false],
  [['market.spot:read'], 'market:read', false],
  [['*'], 'market:read', true],
  [['*'], 'a.b.c.d:read', true],
  [['*:read'], 'market:read', true],
  [['*:read'], 'market.spot.btc:read', true],
  [['*:read'], 'market:write', false],
  [['market:*'], 'market:read', true],
  [['market:*'], 'market.spot:read', false],
  [['market.*:read'], 'market.spot:read', true],
  [['market.*:read'], 'market.spot.btc:read', true],
  [['market.*:read'], 'market:read', false],
  [['market.*:read'], 'marketing:read', false],
  [['market.*.btc:read'], 'market.spot.btc:read', true],
  [['market.*.btc:read'], 'market.spot.eth:read', false],
  [['market.*.btc:read'], 'market.spot.x.btc:read', false],
  [['*.btc:read'], 'spot.btc:read', true],
  [['*.btc:read'], 'btc:read', false],
  [['*.*:read'], 'a.b:read', true],
  [['*.*:read'], 'a.b.c:read', true],
  [['*.*:read'], 'a:read', false],
  [['documents.*:*'], 'documents.invoices:read', true],
]

/** Whatever is granted beside it, a deny that matches wins. */
const denials: readonly (readonly [denied: string, wanted: string])[] = [
  ['!funds:withdraw', 'funds:withdraw'],
  ['!funds:*', 'funds:withdraw'],
  ['!*:withdraw', 'funds.btc:withdraw'],
  ['!funds.*:withdraw', 'funds.btc.cold:withdraw'],
  ['!*.cold:withdraw', 'funds.cold:withdraw'],
  ['!*', 'funds:withdraw'],
]

for (const [granted, wanted, allowed] of decisions) {
  test(`[${granted.join(' ')}] ${allowed ? 'allows' : 'does not allow'} ${wanted}`, () => {
    assert.equal(allowsAll(granted, wanted), allowed)
  })
}

test('a deny wins over every grant, in every order', () => {
  for (const [denied, wanted] of denials) {
    for (const granted of ['*', '*:*', wanted, '*:withdraw']) {
      assert.equal(allowsAll([granted, denied], wanted), false, `${granted} ${denied}`)
      assert.equal(allowsAll([denied, granted], wanted), false, `${denied} ${granted}`)
    }
    assert.equal(allowsAll(['*', denied], 'other.thing:read'), denied !== '!*')
  }
})

test('a deny grants nothing', () => {
  assert.equal(allowsAll(['!funds:withdraw'], 'funds:read'), false)
})

const malformed = [
  '',
  '!',
  ':',
  'market',
  'market:',
  ':read',
  'market:read:write',
  'Market:read',
  'market:Read',
  'market..spot:read',
  '.market:read',
  'market.:read',
  'market:read ',
  ' market:read',
  'market:read\n',
  'mar*:read',
  'market:re*',
  '**',
  '**:read',
  '!!market:read',
  '-market:read',
  'market_:read',
  'märket:read',
  `${'a'.repeat(PERMISSION_LENGTH_MAX - 4)}:read`,
]

test('a list with one malformed entry grants nothing: it is refused whole', () => {
  for (const text of malformed) {
    assert.equal(isGrantedPermission(text), false, text)
    assert.equal(isWantedPermission(text), false, text)
    assert.throws(() => compileGrants(['market:read', text]), RangeError, text)
  }
})

test('a wanted permission is exact', () => {
  for (const text of ['*', '*:read', 'market:*', 'market.*:read', '!market:read'])
    assert.equal(isWantedPermission(text), false, text)
  assert.equal(isWantedPermission(`${'a'.repeat(PERMISSION_LENGTH_MAX - 5)}:read`), true)
})

test('more permissions than a key may have are refused', () => {
  const list = Array.from({ length: PERMISSIONS_MAX + 1 }, (_, i) => `market:read${i}`)
  assert.throws(() => compileGrants(list), RangeError)
  compileGrants(list.slice(1))
})

test('a malformed text of any length is judged in linear time', () => {
  const hostile = `${'a-'.repeat(60)}!`
  for (let i = 0; i < 1_000; i++) assert.equal(isGrantedPermission(hostile), false)
})

// A small alphabet, so that random grants and random wishes meet.
const segment = fc.constantFrom('a', 'b', 'c')
const action = fc.constantFrom('x', 'y')
const exact = fc
  .tuple(fc.array(segment, { minLength: 1, maxLength: 4 }), action)
  .map(([segments, verb]) => `${segments.join('.')}:${verb}`)
const pattern = fc.oneof(
  fc.constant('*'),
  exact,
  fc
    .tuple(
      fc.array(fc.oneof(segment, fc.constant('*')), { minLength: 1, maxLength: 3 }),
      fc.oneof(action, fc.constant('*')),
    )
    .map(([segments, verb]) => `${segments.join('.')}:${verb}`),
)
const list = fc.array(
  fc.tuple(pattern, fc.integer({ min: 0, max: 3 })).map(([text, deny]) => (deny === 0 ? `!${text}` : text)),
  { maxLength: 5 },
)

/** Every exact permission of the small alphabet: a complete oracle up to four segments. */
const universe = (() => {
  const resources: string[] = []
  let last = ['']
  for (let depth = 0; depth < 4; depth++) {
    last = last.flatMap((head) => ['a', 'b', 'c'].map((next) => (head === '' ? next : `${head}.${next}`)))
    resources.push(...last)
  }
  return resources.flatMap((resource) => [`${resource}:x`, `${resource}:y`])
})()

test('what covers() lets somebody give away, they have themselves', () => {
  let covered = 0
  fc.assert(
    fc.property(list, list, (given, requested) => {
      const grants = compileGrants(given)
      if (!covers(grants, requested)) return
      covered += 1
      const handedOut = compileGrants(requested)
      for (const wanted of universe)
        if (allows(handedOut, wanted))
          assert.ok(allows(grants, wanted), `${wanted} of ${requested.join(' ')}`)
    }),
    { numRuns: 5_000 },
  )
  assert.ok(covered > 100, `only ${covered} requests were covered`)
})

test('whoever has something can give exactly that away, and everybody can give nothing', () => {
  fc.assert(
    fc.property(list, (given) => {
      const grants = compileGrants(given)
      assert.equal(covers(grants, []), true)
      const denied = given.filter((text) => text.startsWith('!') && text !== '!*')
      if (given.includes('!*')) return
      for (const text of given.filter((one) => !one.startsWith('!')))
        assert.equal(covers(grants, [text, ...denied]), true, `${given.join(' ')} gives ${text}`)
    }),
    { numRuns: 2_000 },
  )
})

test('a wider wish than what one has is not covered', () => {
  const cases: readonly (readonly [given: readonly string[], requested: readonly string[]])[] = [
    [['keys:read'], ['keys:*']],
    [['keys:*'], ['*']],
    [['keys:*'], ['*:read']],
    [['keys.a:read'], ['keys.*:read']],
    [['keys.*:read'], ['keys:read']],
    [['*', '!funds:withdraw'], ['*']],
    [['*', '!funds:withdraw'], ['funds:*']],
    [['*', '!funds:*'], ['funds:withdraw']],
    [[], ['keys:read']],
    [['!keys:read'], ['keys:read']],
  ]
  for (const [given, requested] of cases)
    assert.equal(
      covers(compileGrants(given), requested),
      false,
      `${given.join(' ')} -> ${requested.join(' ')}`,
    )
  assert.equal(covers(compileGrants(['*', '!funds:withdraw']), ['*', '!funds:withdraw']), true)
  assert.equal(covers(compileGrants(['*', '!funds:withdraw']), ['market:read']), true)
})
