import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type VerificationCode } from '@keystead/protocol/decision'
import { readUse, USE_RECORD_BYTES, UseWriter } from '@keystead/protocol/use-record'
import fc from 'fast-check'
import { newId } from '../ids.ts'
import { systemRandom } from '../random.ts'
import { START } from '../world.test-support.ts'
import { MINUTE_MS, UseTally } from './tally.ts'

const KEYS = Array.from({ length: 5 }, () => newId('key', () => START, systemRandom))
const aUse = fc.record({
  at: fc.oneof(fc.integer({ min: START, max: START + 5 * MINUTE_MS }), fc.constantFrom(0, 0, 2 ** 48 - 1)),
  key: fc.constantFrom(null, ...KEYS),
  version: fc.constantFrom(1, 2, 65_536, 2 ** 32 - 1),
  code: fc.constantFrom<VerificationCode>('VALID', 'REVOKED', 'EXPIRED'),
  asCaller: fc.boolean(),
})

test('records are counted as the plainest model counts them, whatever memory they lie in', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(aUse, { maxLength: 60 }), { maxLength: 4 }),
      fc.nat(3),
      (segments, shift) => {
        const tally = new UseTally()
        const model = new Map<string, { count: number; lastAt: number }>()
        for (const uses of segments) {
          const writer = new UseWriter(60)
          for (const { at, key, version, code, asCaller } of uses)
            if (key === null) writer.add(at, null, 0, 'NOT_FOUND', asCaller)
            else writer.add(at, key, version, code, asCaller)
          const memory = new Uint8Array(writer.bytes.length + shift)
          memory.set(writer.bytes, shift)
          const bytes = memory.subarray(shift)
          const half = Math.floor(writer.count / 2)
          tally.add(bytes, 0, half)
          tally.add(bytes, half, writer.count)
          for (let i = 0; i < writer.count; i++) {
            const use = readUse(bytes, i)
            assert.ok(use)
            const name = `${use.keyId} ${use.versionNumber} ${use.code} ${use.at - (use.at % MINUTE_MS)}`
            const { count, lastAt } = model.get(name) ?? { count: 0, lastAt: 0 }
            model.set(name, { count: count + 1 + use.repeats, lastAt: Math.max(lastAt, use.at) })
          }
        }
        const counted = [...tally.entries()].map(
          ({ keyId, versionNumber, code, minuteAt, count, lastAt }) =>
            [`${keyId} ${versionNumber} ${code} ${minuteAt}`, { count, lastAt }] as const,
        )
        assert.deepEqual(new Map(counted), model)
        assert.equal(counted.length, model.size)
      },
    ),
    { numRuns: 300 },
  )
})

test('what is no record is left out, and the others are counted', () => {
  const writer = new UseWriter(2)
  writer.add(START, KEYS[0] ?? '', 1, 'VALID', false)
  writer.add(START, KEYS[1] ?? '', 1, 'VALID', false)
  const bytes = Uint8Array.from(writer.bytes)
  bytes[USE_RECORD_BYTES + 26] = 255
  const tally = new UseTally()
  tally.add(bytes, 0, 2)
  assert.deepEqual(
    [...tally.entries()].map(({ keyId, count }) => [keyId, count]),
    [[KEYS[0], 1]],
  )
})
