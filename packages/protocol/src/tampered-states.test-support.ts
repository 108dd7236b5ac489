// The tamper matrix, second part: what an attacker may do to the stored objects and to batches. Both verifiers run it.
import { type AuditTarget, canonicalEvent } from './audit-event.ts'
import { batchPath, batchRoot } from './audit-batches.ts'
import type { AuditCheckName } from './audit-report.ts'
import { STATE_LINE_BYTES_MAX, STATE_PATH, type StateLine } from './audit-state.ts'
import { concatBytes, utf8Encode } from './bytes.ts'
import { canonicalJson } from './canonical-json.ts'
import { sha256 } from './node-crypto.test-support.ts'
import {
  exportLog,
  type LogFiles,
  newSigner,
  policyFor,
  row,
  sampleEvent,
  sampleLeaves,
  stateFile,
  stateOf,
  target,
  ulid,
} from './sample-log.test-support.ts'
import type { LogCase } from './tampered-logs.test-support.ts'

const SIZE = 300
/** As many objects as the batch of the sample changes. */
const BATCH = 100
const BATCH_FIRST = 1_000

/** Untouched exports with a state, without and with batches, of several sizes. */
export function untouchedStates(): LogCase[] {
  return [0, 1, 7, 255, 256, 300].flatMap((size) => {
    const signer = newSigner()
    const plain = withState(exportLog(sampleLeaves(size), signer), stateOf(sampleLeaves(size)))
    const log = { trust: policyFor(signer), since: null, fails: [], names: ['VERIFIED'] }
    const batched = logWithBatches(size)
    return [
      { ...log, name: `untouched, ${size} events, with their state`, files: plain },
      { ...log, ...batched, name: `untouched, ${size} events and two batches, with their state` },
    ]
  })
}

/** One case per attack. */
export function tamperedStates(): LogCase[] {
  return [...attacksOnState(), ...attacksOnStateFile(), ...attacksOnBatches(), ...strangers()]
}

type MakeCase = (
  name: string,
  files: LogFiles,
  fails: readonly AuditCheckName[],
  ...names: string[]
) => LogCase

function caseMaker(trust: string): MakeCase {
  return (name, files, fails, ...names) => ({ name, files, trust, since: null, fails, names })
}

// What somebody with SQL may do to the tables: the log is in order, and only the comparison with it gives him away.
function attacksOnState(): LogCase[] {
  const signer = newSigner()
  const leaves = sampleLeaves(SIZE)
  const log = caseMaker(policyFor(signer))
  const before = stateOf(leaves)
  const key = `key_${ulid(3)}`
  const revoked = row('api_key', key, 4, 'compromised')
  const name = `api_key ${key}`
  const changed = (what: string, line: StateLine, ...names: string[]) =>
    log(
      what,
      withState(
        exportLog(leaves, signer),
        before.map((item) => (item.id === key ? line : item)),
      ),
      ['state'],
      ...names,
    )
  const edited = (what: string, lines: readonly StateLine[], ...names: string[]) =>
    log(what, withState(exportLog(leaves, signer), lines), ['state'], ...names)
  const others = before.filter(({ id }) => id !== key)
  const widened = { ...revoked, text: revoked.text.replace('été', 'all') }
  const other = row('api_key', `key_${ulid(5)}`, 4, 'compromised')
  return [
    changed('a row changed by SQL', widened, `${name} is not the one that was logged`),
    changed('an old row put back', row('api_key', key, 3, 'active'), `${name} has version 3, the log says 4`),
    changed(
      'a revoked row made active',
      row('api_key', key, 4, 'active'),
      `${name} is active, the log says compromised`,
    ),
    changed('a version said to be newer', { ...revoked, version: 5 }, `${name} has version 5`),
    changed(
      'an old row under the newest version',
      { ...row('api_key', key, 3, 'active'), version: 4, state: 'compromised' },
      `${name} is not the one that was logged`,
    ),
    changed('the row of another object', { ...other, id: key }, `${name} is not the one that was logged`),
    changed('another salt', { ...revoked, salt: other.salt }, `${name} is not the one that was logged`),
    edited('a row deleted', others, `${name} is missing: the log has version 4, compromised`),
    edited('a row added', [...before, row('api_key', `key_${ulid(9_999)}`, 1, 'active')], 'was never logged'),
    edited('a row twice', [...before, revoked], `${name} is there twice`),
    edited(
      'a row under another type',
      [...others, { ...revoked, type: 'root_key' }],
      `root_key ${key} was never logged`,
      `${name} is missing`,
    ),
    edited('no rows at all', [], 'is missing'),
  ]
}

function attacksOnStateFile(): LogCase[] {
  const signer = newSigner()
  const log = caseMaker(policyFor(signer))
  const lying = {
    ...row('owner', `own_${ulid(7)}`, 1, 'active'),
    text: row('owner', ulid(8), 1, 'active').text,
  }
  const leaves = sampleLeaves(12)
  const good = Buffer.from(stateFile(stateOf(leaves))).toString()
  const written = (name: string, text: string, ...names: string[]) =>
    log(name, exportLog(leaves, signer).set(STATE_PATH, utf8Encode(text)), ['state'], ...names)
  return [
    written('a state cut off', good.slice(0, -5), 'is no line of a state', 'is missing'),
    written('a state with an empty line', good.replace('\n', '\n\n'), 'line 2: is no line of a state'),
    written('a state that is not canonical', good.replace('{', '{ '), 'line 1: is no line of a state'),
    written('a state with unknown members', good.replace('{', '{"a":1,'), 'line 1: is no line of a state'),
    written('a state without newline at its end', `${good}x`, 'is no line of a state'),
    written('a state with an endless line', `${good}${'x'.repeat(STATE_LINE_BYTES_MAX + 1)}\n`, 'is no line'),
    written(
      'a state with a version that is text',
      good.replace('"version":1', '"version":"1"'),
      'line 1: is no',
    ),
    lyingServer(signer, log, lying),
  ]
}

// Whoever holds the log's key can commit to anything: the row itself must still be what line and leaf say it is.
function lyingServer(signer: ReturnType<typeof newSigner>, log: MakeCase, lying: StateLine): LogCase {
  const leaves = sampleLeaves(12)
  const position = leaves.length
  const named = target('owner', ulid(8), 1)
  const event = { ...sampleEvent(position), action: 'owner.created' as const }
  const owner: AuditTarget = { ...named, id: lying.id }
  const opened = row('owner', ulid(8), 1, 'active')
  const all = [...leaves, canonicalEvent({ ...event, targets: [owner] })]
  const state = [...stateOf(leaves), { ...lying, salt: opened.salt }]
  return log(
    'a row that says otherwise than its leaf',
    withState(exportLog(all, signer), state),
    ['state'],
    `owner ${lying.id} holds a row that says otherwise`,
  )
}

function attacksOnBatches(): LogCase[] {
  const { leaves, files: batches, trust, signer } = logWithBatches(12)
  const log = caseMaker(trust)
  const path = batchPath(12)
  const lines = Buffer.from(batches.get(path) ?? '')
    .toString()
    .split('\n')
  const again = (text: string) => new Map(batches).set(path, utf8Encode(text))
  const name = 'leaf 12 (key.created'
  // Without its batch the objects of the second one come from nowhere.
  const all = ['batches', 'history'] as const
  const removed = new Map(batches)
  removed.delete(path)
  const noRoot = `${path} has another root than the leaf names`
  const forgedCount = recount(leaves, batches, signer, BATCH - 1)
  return [
    log('a batch left out', removed, all, name, `${path} is missing`),
    log(
      'a batch without its last line',
      again(lines.slice(0, -1).join('\n')),
      all,
      name,
      'has 99 lines instead of 100',
    ),
    log(
      'a line added to a batch',
      again([...lines, lines[0]].join('\n')),
      all,
      name,
      'has 101 lines instead of 100',
    ),
    log('a batch reordered', again(lines.toReversed().join('\n')), all, name, noRoot),
    log(
      'a line of a batch changed',
      again(lines.join('\n').replace('"active"', '"suspended"')),
      all,
      name,
      noRoot,
    ),
    log('bytes after a batch', again(`${lines.join('\n')}\n`), all, name, 'has 101 lines instead of 100'),
    log(
      'a batch in the place of another',
      again(Buffer.from(batches.get(batchPath(13)) ?? '').toString()),
      all,
      name,
      noRoot,
    ),
    log('a batch count lowered', forgedCount, all, name, 'has 100 lines instead of 99'),
    log('an endless batch', again('\n'.repeat(70_000)), all, name, 'has 65537 lines instead of 100'),
  ]
}

function recount(
  leaves: readonly Uint8Array[],
  batches: LogFiles,
  signer: ReturnType<typeof newSigner>,
  count: number,
): LogFiles {
  const leaf = Buffer.from(leaves[12] ?? '')
    .toString()
    .replace(`"batchCount":${BATCH}`, `"batchCount":${count}`)
  const files = exportLog(leaves.with(12, utf8Encode(leaf)), signer)
  return new Map([...batches, ...files])
}

function strangers(): LogCase[] {
  const signer = newSigner()
  const log = caseMaker(policyFor(signer))
  const leaves = sampleLeaves(SIZE)
  const added = (path: string, bytes: Uint8Array) => exportLog(leaves, signer).set(path, bytes)
  const entries = exportLog(leaves, signer).get('tile/entries/001.p/44') ?? new Uint8Array()
  const shape = (path: string) => `"${path}" is not a part of this log`
  const shorter = 'tile/entries/001.p/43'
  return [
    log('a second bundle of the same place', added(shorter, entries), ['files'], shape(shorter)),
    log(
      'a tile beyond the checkpoint',
      added('tile/0/002.p/1', new Uint8Array(32)),
      ['files'],
      shape('tile/0/002.p/1'),
    ),
    log('a batch that no leaf names', added('batch/7', utf8Encode('{}')), ['files'], shape('batch/7')),
    log('a file of its own', added('notes.txt', concatBytes()), ['files'], shape('notes.txt')),
  ]
}

function withState(files: LogFiles, lines: readonly StateLine[]): LogFiles {
  return files.set(STATE_PATH, stateFile(lines))
}

/** `size` ordinary events, a batch that creates keys, and one that revokes them. */
function logWithBatches(size: number) {
  const signer = newSigner()
  const ids = Array.from({ length: BATCH }, (_, at) => `key_${ulid(BATCH_FIRST + at)}`)
  const batches = [
    ids.map((id) => target('api_key', id, 1)),
    ids.map((id) => target('api_key', id, 2, ['active', 'deactivated'])),
  ].map((targets) => targets.map((item) => utf8Encode(canonicalJson(item))))
  const leaves = [
    ...sampleLeaves(size),
    ...batches.map((lines, at) =>
      canonicalEvent({
        ...sampleEvent(size + at),
        action: at === 0 ? 'key.created' : 'key.revoked',
        targets: [],
        details: { batchCount: lines.length, batchRoot: batchRoot(sha256, lines) },
      }),
    ),
  ]
  const files = exportLog(leaves, signer)
  for (const [at, lines] of batches.entries()) {
    const texts = lines.map((line) => Buffer.from(line).toString())
    files.set(batchPath(size + at), utf8Encode(texts.join('\n')))
  }
  return { leaves, signer, trust: policyFor(signer), files: withState(files, stateOf(leaves, files)) }
}
