// The tamper matrix, third part: what an attacker may do to the records of use. Both verifiers run it.
import { type AuditEvent, canonicalEvent } from './audit-event.ts'
import type { AuditCheckName } from './audit-report.ts'
import { concatBytes, utf8Encode } from './bytes.ts'
import { sha256 } from './node-crypto.test-support.ts'
import {
  exportLog,
  type LogFiles,
  newSigner,
  policyFor,
  sampleEvent,
  sampleLeaves,
  target,
  ulid,
} from './sample-log.test-support.ts'
import type { LogCase } from './tampered-logs.test-support.ts'
import { USE_PAGE_RECORDS, type UseBatch, type UseClosing, useDigests, usePath } from './use-batch.ts'
import { USE_RECORD_BYTES, UseWriter } from './use-record.ts'

const START = Date.UTC(2026, 10, 22)
/** Events before the first batch. */
const BEFORE = 2
/** Records in each batch: a part of a page, full pages, and more. */
const COUNTS = [1, 256, 300] as const
const BOOT = `boot_${ulid(7)}`
const CUT_OFF = `boot_${ulid(8)}`

/** Untouched logs: with records, without them (they are kept for a time only), and with loss that is said. */
export function untouchedUses(): LogCase[] {
  const signer = newSigner()
  const log = { trust: policyFor(signer), since: null, fails: [], names: ['VERIFIED'] }
  const all = exported(leaves(), signer)
  const some = new Map(all)
  some.delete(usePath({ boot: BOOT, batchNumber: 1 }))
  return [
    {
      ...log,
      name: 'untouched, with uses',
      files: all,
      names: ['VERIFIED', 'the records of 4 are here; 5 dropped; 1 of 2'],
    },
    {
      ...log,
      name: 'untouched, with the records of some uses',
      files: some,
      names: ['the records of 3 are here'],
    },
    { ...log, name: 'untouched, without the records of uses', files: exportLog(leaves(), signer) },
  ]
}

/** One case per attack. */
export function tamperedUses(): LogCase[] {
  return [...attacksOnRecords(), ...attacksOnLeaves()]
}

// The log is in order; somebody has changed the records.
function attacksOnRecords(): LogCase[] {
  const signer = newSigner()
  const files = () => exported(leaves(), signer)
  const path = usePath({ boot: BOOT, batchNumber: 3 })
  const name = `leaf ${BEFORE + 2} (use.recorded`
  const bytes = files().get(path) ?? new Uint8Array()
  const log = (
    what: string,
    changed: LogFiles,
    fails: readonly AuditCheckName[],
    ...names: string[]
  ): LogCase => ({
    ...{ name: what, files: changed, trust: policyFor(signer), since: null, fails, names },
  })
  const edited = (what: string, records: Uint8Array, ...names: string[]) =>
    log(what, files().set(path, records), ['uses'], name, ...names)
  const record = (at: number) => bytes.subarray(at * USE_RECORD_BYTES, (at + 1) * USE_RECORD_BYTES)
  const later = Uint8Array.from(bytes)
  later[5] = (later[5] ?? 0) ^ 1
  const exchanged = concatBytes(record(1), record(0), bytes.subarray(2 * USE_RECORD_BYTES))
  const stray = `use/${BOOT}/9`
  return [
    edited('a use taken out of its batch', bytes.subarray(USE_RECORD_BYTES), 'instead of 300 records'),
    edited('a use added to a batch', concatBytes(bytes, record(0)), 'instead of 300 records'),
    edited('a use changed', later, `${path} has another root than the leaf names`),
    edited('two uses exchanged', exchanged, 'has another root'),
    edited(
      'uses in the place of others',
      files().get(usePath({ boot: CUT_OFF, batchNumber: 1 })) ?? bytes,
      'instead of 300',
    ),
    edited('an empty batch of uses', new Uint8Array(), 'has 0 bytes instead of 300 records'),
    log(
      'uses that no leaf names',
      files().set(stray, bytes),
      ['files'],
      `"${stray}" is not a part of this log`,
    ),
  ]
}

// Whoever holds the log's key has rewritten leaves and signed again.
function attacksOnLeaves(): LogCase[] {
  const signer = newSigner()
  const good = leaves()
  const third = BEFORE + 2
  const end = BEFORE + 3
  const shorter = batchLeaf(third, BOOT, 3, 3, 299, 5)
  const log = (
    what: string,
    changed: Uint8Array[],
    fails: readonly AuditCheckName[],
    ...names: string[]
  ): LogCase => ({
    ...{ name: what, files: exported(changed, signer), trust: policyFor(signer), since: null, fails, names },
  })
  const rewritten = (what: string, at: number, from: string, to: string, ...names: string[]) =>
    log(what, good.with(at, replaced(good[at], from, to)), ['uses'], ...names)
  // What is not said to belong to the leaf is a file that nobody has signed.
  const stranded = (...about: Parameters<typeof rewritten>): LogCase => ({
    ...rewritten(...about),
    fails: ['uses', 'files'],
  })
  return [
    {
      ...log('a batch of uses left out', good.toSpliced(BEFORE + 1, 1), ['uses', 'history', 'files']),
      names: [`leaf ${BEFORE + 1} (use.recorded`, 'has batch 3 where 2 must follow', 'version 3 where 2'],
    },
    log(
      'a batch of uses recorded twice',
      good.toSpliced(third, 0, batchLeaf(good.length, BOOT, 2, 2, 256, 0)),
      ['uses', 'history'],
      'has batch 2 where 3 must follow',
      'version 2 where 3',
    ),
    {
      ...log('uses, their count and their root lowered together', good.with(third, shorter), ['uses']),
      files: exported(good.with(third, shorter), signer).set(
        usePath({ boot: BOOT, batchNumber: 3 }),
        records(BOOT, 3, 299),
      ),
      names: ['but there were 3, 556, 5'],
    },
    rewritten(
      'the count of uses lowered',
      third,
      '"count":300',
      '"count":299',
      `leaf ${third} (use.recorded`,
      'instead of 299',
    ),
    rewritten(
      'dropped uses hidden',
      third,
      '"dropped":5',
      '"dropped":0',
      `leaf ${end} (use.closed`,
      '5 dropped',
    ),
    rewritten(
      'the end of a boot that adds up to less',
      end,
      '"records":557',
      '"records":556',
      'but there were 3, 557, 5',
    ),
    stranded(
      'a batch of uses under another number',
      third,
      '"batchNumber":3',
      '"batchNumber":4',
      'where 3 must follow',
    ),
    rewritten(
      'uses outside the time of their batch',
      third,
      `"from":${START}`,
      `"from":${START + 50}`,
      'has no valid record at 0',
    ),
    stranded(
      'a batch of uses with an unknown member',
      third,
      '"root":',
      '"rest":1,"root":',
      'does not say what a batch of uses must',
    ),
    stranded(
      'uses of another boot',
      third,
      `"boot":"${BOOT}","bytes`,
      `"boot":"${CUT_OFF}","bytes`,
      'does not say what a batch',
    ),
    log(
      'uses after the end of their boot',
      [...good, batchLeaf(good.length, BOOT, 4, 5, 1, 0)],
      ['uses', 'history'],
      `comes after the end of ${BOOT}`,
      'is said to come from active, but was deactivated',
    ),
  ]
}

function records(boot: string, batchNumber: number, count: number): Uint8Array {
  const writer = new UseWriter(count)
  for (let at = 0; at < count; at++) {
    // What a caller does again in the same millisecond is in its first record.
    if (at % 3 === 0) for (let i = 0; i < 3; i++) addUnknown(writer, START + at, at % 2 === 0, i)
    else writer.add(START + at, `key_${ulid(Number(boot.slice(-1)))}`, batchNumber, 'VALID', false)
  }
  return writer.bytes
}

function addUnknown(writer: UseWriter, at: number, asCaller: boolean, time: number): void {
  if (asCaller || time === 0) writer.add(at, null, 0, 'NOT_FOUND', asCaller)
}

function batchLeaf(
  position: number,
  boot: string,
  batchNumber: number,
  version: number,
  count: number,
  dropped: number,
) {
  const details: UseBatch = {
    ...{ emitter: 'api-1', boot, batchNumber, from: START, to: START + count - 1, count, dropped },
    pageRecords: USE_PAGE_RECORDS,
    ...useDigests(sha256, records(boot, batchNumber, count)),
  }
  return leaf(position, 'use.recorded', boot, version, details)
}

function leaf(
  position: number,
  action: AuditEvent['action'],
  boot: string,
  version: number,
  details: UseBatch | UseClosing,
): Uint8Array {
  const to = action === 'use.closed' ? 'deactivated' : 'active'
  const targets = [target('use_emitter', boot, version, [version === 1 ? null : 'active', to])]
  const common = {
    actor: { type: 'system', id: null },
    project: null,
    environment: null,
    request: null,
  } as const
  return canonicalEvent({ ...sampleEvent(position), ...common, action, boot, targets, details })
}

/** A boot with three batches and an orderly end, then one that was cut off after its first. */
function leaves(): Uint8Array[] {
  const batches = COUNTS.map((count, at) =>
    batchLeaf(BEFORE + at, BOOT, at + 1, at + 1, count, at === 2 ? 5 : 0),
  )
  const closing = { boot: BOOT, batches: 3, records: 557, dropped: 5 }
  return [
    ...sampleLeaves(BEFORE),
    ...batches,
    leaf(BEFORE + 3, 'use.closed', BOOT, 4, closing),
    batchLeaf(BEFORE + 4, CUT_OFF, 1, 1, 3, 0),
  ]
}

function exported(changed: readonly Uint8Array[], signer: ReturnType<typeof newSigner>): LogFiles {
  const files = exportLog(changed, signer)
  for (const [at, count] of COUNTS.entries())
    files.set(usePath({ boot: BOOT, batchNumber: at + 1 }), records(BOOT, at + 1, count))
  return files.set(usePath({ boot: CUT_OFF, batchNumber: 1 }), records(CUT_OFF, 1, 3))
}

function replaced(bytes: Uint8Array | undefined, from: string, to: string): Uint8Array {
  const text = Buffer.from(bytes ?? '').toString()
  if (!text.includes(from)) throw new Error(`the sample has no ${from}`)
  return utf8Encode(text.replace(from, to))
}
