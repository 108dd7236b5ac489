import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toJson } from './json.ts'
import { type Column, printable, renderFields, renderTable } from './table.ts'
import { testWorld } from './world.test-support.ts'

interface Row {
  readonly id: string
  readonly name: string
}
const COLUMNS: readonly Column<Row>[] = [
  { title: 'ID', cell: (row) => row.id },
  { title: 'NAME', cell: (row) => row.name, shrink: true },
  { title: 'COPY', cell: (row) => row.name, optional: true },
]
const ROWS = [
  { id: 'key_1', name: 'a rather long name' },
  { id: 'key_22', name: '' },
]

test('columns are aligned and nothing is styled or shortened when the output is no terminal', () => {
  const text = renderTable(COLUMNS, ROWS, testWorld({ columns: 10 }).stdout)
  assert.deepEqual(text.split('\n'), [
    'ID      NAME                COPY',
    'key_1   a rather long name  a rather long name',
    'key_22  -                   -',
  ])
})

test('a narrow terminal drops optional columns and shortens names, never identifiers', () => {
  const text = renderTable(COLUMNS, ROWS, testWorld({ terminal: true, columns: 20 }).stdout)
  assert.deepEqual(text.split('\n').slice(1), ['key_1   a rathe…', 'key_22  -'])
})

test('no text from the server can act on the terminal', () => {
  const hostile = 'a\u001b[2J\u009b31m\u202eb\nc\u2066'
  assert.equal(printable(hostile), 'a\\u001b[2J\\u009b31m\\u202eb\\u000ac\\u2066')
  assert.ok(!renderFields([['name', hostile]]).includes('\u001b'))
  assert.equal((JSON.parse(toJson({ hostile })) as { hostile: string }).hostile, hostile)
  assert.doesNotMatch(toJson({ hostile }), /[\u001b\u009b\u202e\u2066]/)
})
