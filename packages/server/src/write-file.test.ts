import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { withShortWrites } from './failing-files.test-support.ts'
import { temporaryFolder } from './world.test-support.ts'
import { replaceFile, writeNewFile } from './write-file.ts'

test('a new file is for its owner only, and nothing that exists is overwritten', (t) => {
  const folder = temporaryFolder(t)
  const path = join(folder, 'secret')
  writeNewFile(path, 'one')
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.throws(() => writeNewFile(path, 'two'), { code: 'EEXIST' })
  assert.equal(readFileSync(path, 'utf8'), 'one')
  assert.deepEqual(readdirSync(folder), ['secret'])
})

test('what a crash left half-written beside a file is neither read nor in the way', (t) => {
  const folder = temporaryFolder(t)
  const path = join(folder, 'secret')
  writeFileSync(`${path}.new`, 'half', { mode: 0o644 })
  writeNewFile(path, 'whole')
  assert.equal(readFileSync(path, 'utf8'), 'whole')
  writeFileSync(`${path}.new`, 'half', { mode: 0o644 })
  replaceFile(path, 'other')
  assert.equal(readFileSync(path, 'utf8'), 'other')
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert(!existsSync(`${path}.new`))
})

test('a disk that takes a part of a write at a time gets the rest as well', (t) => {
  const path = join(temporaryFolder(t), 'secret')
  withShortWrites(3, () => writeNewFile(path, 'Schlüssel'))
  assert.equal(readFileSync(path, 'utf8'), 'Schlüssel')
  withShortWrites(1, () => replaceFile(path, 'another key'))
  assert.equal(readFileSync(path, 'utf8'), 'another key')
})
