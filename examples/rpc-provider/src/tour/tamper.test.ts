import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { tamper } from './tamper.ts'

function entry(event: object): Buffer {
  const leaf = Buffer.from(JSON.stringify(event))
  const length = Buffer.alloc(2)
  length.writeUInt16BE(leaf.length)
  return Buffer.concat([length, leaf])
}

test('tampering changes exactly one byte, inside the entry that is named', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'keystead-tamper-'))
  try {
    const before = entry({ at: '2026-11-22T04:10:33.123Z', id: 'evt_0' })
    const target = entry({ action: 'key.revoked', at: '2026-11-22T04:10:33.123Z', id: 'evt_1' })
    const bundle = Buffer.concat([before, target])
    await mkdir(join(folder, 'tile', 'entries', '000.p'), { recursive: true })
    const path = join(folder, 'tile', 'entries', '000.p', '2')
    await writeFile(path, bundle)
    const done = await tamper(folder, 1)
    assert.deepEqual(done, {
      eventId: 'evt_1',
      action: 'key.revoked',
      from: '2026-11-22T04:10:33.123Z',
      to: '2026-11-22T04:19:33.123Z',
    })
    const changed = await readFile(path)
    const differing = [...changed.keys()].filter((index) => changed[index] !== bundle[index])
    assert.equal(changed.length, bundle.length)
    assert.equal(differing.length, 1)
    assert.ok((differing[0] ?? 0) > before.length)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
