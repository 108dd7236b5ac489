import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../world.test-support.ts'
import { readSnapshot, writeSnapshot } from './file.ts'

const mac =
  (key: string) =>
  (digest: Uint8Array): string =>
    createHmac('sha256', key).update(digest).digest('base64url')
const PARTS = [
  { name: 'first', chunks: [Buffer.from('one'), Buffer.from('two')] },
  { name: 'second', chunks: [Buffer.alloc(300, 7)] },
  { name: 'none', chunks: [] },
]

async function written(folder: string): Promise<{ readonly path: string; readonly bytes: Buffer }> {
  const path = join(folder, 'index.snapshot')
  await writeSnapshot(path, 'layout a', PARTS, mac('ours'))
  return { path, bytes: readFileSync(path) }
}

test('a snapshot is read back as it was written; nobody else may read the file', async (t) => {
  const { path } = await written(temporaryFolder(t))
  const read = readSnapshot(path, 'layout a', mac('ours'))
  assert.ok('parts' in read)
  assert.deepEqual(
    [...read.parts].map(([name, chunks]) => [name, chunks.map((chunk) => Buffer.from(chunk).toString())]),
    [
      ['layout', ['layout a']],
      ['first', ['one', 'two']],
      ['second', ['\x07'.repeat(300)]],
    ],
  )
  assert.equal(statSync(path).mode & 0o777, 0o600)
})

test('a file with any byte changed is not used', async (t) => {
  const { path, bytes } = await written(temporaryFolder(t))
  for (let at = 0; at < bytes.length; at++) {
    for (const flipped of [0x01, 0x80]) {
      const changed = Buffer.from(bytes)
      changed.writeUInt8(changed.readUInt8(at) ^ flipped, at)
      writeFileSync(path, changed)
      assert.ok('why' in readSnapshot(path, 'layout a', mac('ours')), `byte ${at}`)
    }
  }
})

test('a file that was cut off at any place, or goes on after its end, is not used', async (t) => {
  const { path, bytes } = await written(temporaryFolder(t))
  for (let length = 0; length < bytes.length; length++) {
    writeFileSync(path, bytes.subarray(0, length))
    assert.ok('why' in readSnapshot(path, 'layout a', mac('ours')), `length ${length}`)
  }
  for (const more of [Buffer.of(0), bytes]) {
    writeFileSync(path, Buffer.concat([bytes, more]))
    assert.deepEqual(readSnapshot(path, 'layout a', mac('ours')), { why: 'it goes on after its end' })
  }
})

test('a file of another installation or of another layout is not used, nor one that is not there', async (t) => {
  const { path } = await written(temporaryFolder(t))
  assert.deepEqual(readSnapshot(path, 'layout a', mac('theirs')), { why: 'its MAC does not hold' })
  assert.deepEqual(readSnapshot(path, 'layout b', mac('ours')), {
    why: 'it was written by another version of Keystead',
  })
  assert.deepEqual(readSnapshot(`${path}x`, 'layout a', mac('ours')), { why: 'there is none' })
})

test('a length that the file does not have is refused before memory is taken for it', async (t) => {
  const { path, bytes } = await written(temporaryFolder(t))
  const changed = Buffer.from(bytes)
  const length = changed.indexOf('first') + 'first'.length
  for (const claimed of [0xffff_ffff, 1_000_000]) {
    changed.writeUInt32LE(claimed, length)
    writeFileSync(path, changed)
    assert.ok('why' in readSnapshot(path, 'layout a', mac('ours')))
  }
})

test('a snapshot that cannot be written leaves the last one as it was', async (t) => {
  const { path, bytes } = await written(temporaryFolder(t))
  const failing = [
    {
      name: 'first',
      chunks: (function* () {
        yield Buffer.from('one')
        throw new Error('no more')
      })(),
    },
  ]
  await assert.rejects(writeSnapshot(path, 'layout a', failing, mac('ours')), /no more/)
  assert.deepEqual(readFileSync(path), bytes)
})
