// The tamper matrix: what an attacker may do to an exported log, and which checks must then fail. Both verifiers run it.
import { canonicalEvent } from './audit-event.ts'
import type { AuditCheckName } from './audit-report.ts'
import { concatBytes, utf8Decode, utf8Encode } from './bytes.ts'
import { formatCheckpoint, parseCheckpoint, signNote } from './checkpoint.ts'
import { leafHash } from './merkle.ts'
import { sha256 } from './node-crypto.test-support.ts'
import {
  exportLog,
  type LogFiles,
  newSigner,
  ORIGIN,
  policyFor,
  sampleEvent,
  sampleLeaves,
  signedCheckpoint,
  target,
  ulid,
} from './sample-log.test-support.ts'
import { decodeEntries, encodeEntries } from './tiles.ts'

export type LogCase = {
  readonly name: string
  readonly files: LogFiles
  readonly trust: string
  readonly since: string | null
  /** The checks that must fail, exactly these; empty for an untouched log. */
  readonly fails: readonly AuditCheckName[]
  /** Text that the report must hold: the place of the damage. */
  readonly names: readonly string[]
}

const SIZE = 600
const SINCE = 300
const WALK: readonly AuditCheckName[] = [
  'root',
  'tiles',
  'events',
  'unique',
  'history',
  'batches',
  'uses',
  'files',
]

/** Untouched logs of the sizes at which tiles fill and spill, with and without an older checkpoint. */
export function untouchedLogs(): LogCase[] {
  const signer = newSigner()
  return [0, 1, 2, 255, 256, 257, 512, SIZE].flatMap((size) => {
    const leaves = sampleLeaves(size)
    const files = exportLog(leaves, signer)
    const log = { files, trust: policyFor(signer), fails: [], names: ['VERIFIED'] }
    const older = signedCheckpoint(leaves.slice(0, Math.ceil(size / 2)), signer)
    return [
      { ...log, name: `untouched, ${size} events`, since: null },
      { ...log, name: `untouched, ${size} events, with an older checkpoint`, since: older },
    ]
  })
}

/** One case per attack. */
export function tamperedLogs(): LogCase[] {
  const signer = newSigner()
  const leaves = sampleLeaves(SIZE)
  const trust = policyFor(signer)
  const since = signedCheckpoint(leaves.slice(0, SINCE), signer)
  const files = () => exportLog(leaves, signer)
  const log = (
    name: string,
    changed: LogFiles,
    fails: readonly AuditCheckName[],
    ...names: string[]
  ): LogCase => ({
    name,
    files: changed,
    trust,
    since,
    fails,
    names,
  })
  const signedAgain = (
    name: string,
    changed: Uint8Array[],
    fails: readonly AuditCheckName[],
    ...names: string[]
  ) => log(name, exportLog(changed, signer), fails, ...names)
  return [
    ...attacksOnFiles(files, log),
    ...attacksOnCheckpoint(files, log),
    ...attacksWithTheRealKey(leaves, signedAgain),
    {
      ...log('a log rewritten and signed anew by another key', exportLog(leaves, newSigner()), [
        'checkpoint',
      ]),
    },
    log(
      'a shorter log signed earlier, put back',
      exportLog(leaves.slice(0, 200), signer),
      ['since'],
      'only 200',
    ),
    log(
      'another log of the same key owner',
      exportLog(leaves, newSigner('other')),
      ['checkpoint'],
      'no trusted key has signed',
    ),
  ]
}

type MakeCase = (
  name: string,
  files: LogFiles,
  fails: readonly AuditCheckName[],
  ...names: string[]
) => LogCase

function attacksOnFiles(files: () => LogFiles, log: MakeCase): LogCase[] {
  const lastBundle = 'tile/entries/002.p/88'
  return [
    log(
      'one byte of an entry changed',
      editEntries(files(), 'tile/entries/000', (entries) => replaceText(entries, 17, 'event 17', 'event 71')),
      ['root', 'tiles', 'since'],
      `leaf 17 (${sampleEvent(17).action}, evt_${ulid(17)}): bytes do not match the hash in tile/0/000`,
    ),
    log(
      'an entry removed from the middle',
      editEntries(files(), 'tile/entries/000', (entries) => entries.toSpliced(40, 1)),
      [...WALK, 'since'],
      `leaf 40 (${sampleEvent(41).action}, evt_${ulid(41)})`,
      'tile/entries/000 ends after 255 of 256 entries',
    ),
    log(
      'the last entries cut off',
      editEntries(files(), lastBundle, (entries) => entries.slice(0, 50)),
      WALK,
      `${lastBundle} ends after 50 of 88 entries`,
    ),
    log('the last bundle removed', without(files(), lastBundle), WALK, `${lastBundle} is missing`),
    log(
      'two entries exchanged',
      editEntries(files(), 'tile/entries/001', (entries) => swap(entries, 100, 110)),
      ['root', 'tiles', 'history'],
      `leaf 356 (${sampleEvent(366).action}, evt_${ulid(366)})`,
    ),
    log(
      'a back-dated entry put in',
      editEntries(files(), 'tile/entries/000', (entries) =>
        entries.toSpliced(20, 0, forgedLeaf()).slice(0, 256),
      ),
      ['root', 'tiles', 'history', 'since'],
      `leaf 20 (server.started, evt_${ulid(9_000)}): bytes do not match`,
    ),
    log(
      'a hash in a tile changed',
      editBytes(files(), 'tile/0/001', (bytes) => bytes.with(32 * 5 + 1, (bytes[161] ?? 0) ^ 1)),
      ['tiles'],
      'leaf 261 (',
      'tile/0/001',
    ),
    log(
      'a hash in an upper tile changed',
      editBytes(files(), 'tile/1/000.p/2', (bytes) => bytes.with(40, (bytes[40] ?? 0) ^ 1)),
      ['tiles'],
      'tile/1/000.p/2 does not match leaves 256 to 511',
    ),
    log('an upper tile removed', without(files(), 'tile/1/000.p/2'), ['tiles'], 'tile/1/000.p/2 is missing'),
    log(
      'a tile that is longer than it should be',
      editBytes(files(), 'tile/0/000', (bytes) => concatBytes(bytes, Uint8Array.of(0))),
      ['tiles'],
      'tile/0/000 has 8193 bytes instead of 8192',
    ),
    log(
      'an entry and its hash in the tile forged together',
      forgeWithTile(files(), 0, 17),
      ['root', 'tiles', 'since'],
      'tile/1/000.p/2 does not match leaves 0 to 255',
    ),
    log(
      'an entry and its hash forged where no upper tile covers them',
      forgeWithTile(files(), 2, 50, '.p/88'),
      ['root'],
      `a change is at or after leaf ${SINCE}`,
    ),
    log(
      'bytes after the last entry of a bundle',
      editBytes(files(), lastBundle, (bytes) => concatBytes(bytes, Uint8Array.of(0, 0))),
      WALK,
      `${lastBundle} has 2 bytes after its last entry`,
    ),
  ]
}

function attacksOnCheckpoint(files: () => LogFiles, log: MakeCase): LogCase[] {
  const note = utf8Decode(files().get('checkpoint') ?? new Uint8Array()) ?? ''
  const changed = (from: string | RegExp, to: string) =>
    editBytes(files(), 'checkpoint', () => utf8Encode(note.replace(from, to)))
  return [
    log(
      'the size in the checkpoint changed',
      changed('\n600\n', '\n599\n'),
      ['checkpoint', ...WALK],
      'does not verify',
    ),
    log('the root in the checkpoint changed', changed(/\n600\n.{8}/, '\n600\nAAAAAAAA'), [
      'checkpoint',
      'root',
    ]),
    log(
      'the origin in the checkpoint changed',
      changed(ORIGIN, 'keystead/other'),
      ['checkpoint', 'since'],
      'does not verify',
    ),
    log('the checkpoint without its signature', changed(/\n\n[^]*$/, '\n'), [
      'checkpoint',
      ...WALK,
      'state',
      'since',
    ]),
    log(
      'a checkpoint that is no text',
      editBytes(files(), 'checkpoint', () => Uint8Array.of(255)),
      ['checkpoint', ...WALK, 'state', 'since'],
    ),
  ]
}

// Here the tree and the signature are in order: only what the events say gives the forger away.
function attacksWithTheRealKey(
  leaves: readonly Uint8Array[],
  log: (name: string, leaves: Uint8Array[], fails: readonly AuditCheckName[], ...names: string[]) => LogCase,
): LogCase[] {
  const edited = (at: number, leaf: Uint8Array) => leaves.with(at, leaf)
  const at = 302
  const key = `key_${ulid(61)}`
  const event = sampleEvent(at + 1)
  const withTarget = (changed: ReturnType<typeof target>) => canonicalEvent({ ...event, targets: [changed] })
  const text = Buffer.from(leaves[at] ?? new Uint8Array()).toString()
  return [
    log(
      'a version left out',
      leaves.toSpliced(at + 2, 1),
      ['history'],
      `leaf 304 (key.updated`,
      'version 3 where 2',
    ),
    log(
      'a version that starts above 1',
      edited(at + 1, withTarget(target('api_key', key, 2, [null, 'active']))),
      ['history'],
      'version 2 where 1',
    ),
    log(
      'a state that does not continue',
      edited(at + 1, withTarget(target('api_key', key, 1, ['suspended', 'active']))),
      ['history'],
      'leaf 303 (',
      'said to come from suspended',
    ),
    log(
      'an illegal transition',
      edited(at + 1, withTarget(target('api_key', key, 1, [null, 'suspended']))),
      ['history'],
      'may not go from nothing to suspended',
    ),
    log(
      'a revoked key brought back',
      [...leaves, revival()],
      ['history'],
      'may not go from compromised to active',
    ),
    log(
      'the same event twice',
      [...leaves, leaves[0] ?? new Uint8Array()],
      ['unique', 'history'],
      'leaf 600 (',
      'same event id as leaf 0',
    ),
    log(
      'a leaf that is not canonical',
      edited(at, Buffer.from(text.replace('{', '{ '))),
      ['events'],
      `leaf ${at} (owner.created`,
      'canonical',
    ),
    log(
      'a duplicate member',
      edited(at, Buffer.from(text.replace('"v":1', '"v":1,"v":1'))),
      ['events'],
      `leaf ${at} (`,
    ),
    log(
      'an unknown action',
      edited(at, Buffer.from(text.replace('owner.created', 'owner.deleted'))),
      ['events'],
      'wrong action',
    ),
    log(
      'an unknown member',
      edited(at, Buffer.from(text.replace('"v":1', '"v":1,"w":1'))),
      ['events'],
      'unknown members',
    ),
    log(
      'a leaf that is no JSON',
      edited(at, Uint8Array.of(0x1b, 0xff)),
      ['events'],
      `leaf ${at} (unknown action, unknown id)`,
    ),
    log(
      'history before the older checkpoint rewritten',
      edited(2, canonicalEvent({ ...sampleEvent(2), reason: 'other' })),
      ['since'],
      'not those of the older checkpoint',
    ),
  ]
}

function revival(): Uint8Array {
  return canonicalEvent({
    ...sampleEvent(SIZE),
    action: 'key.updated',
    targets: [target('api_key', `key_${ulid(1)}`, 5, ['compromised', 'active'])],
  })
}

function forgedLeaf(text = 'forged'): Uint8Array {
  const event = sampleEvent(9_000)
  return canonicalEvent({ ...event, action: 'server.started', targets: [], details: { text } })
}

function forgeWithTile(files: LogFiles, index: number, place: number, suffix = ''): LogFiles {
  const name = `${String(index).padStart(3, '0')}${suffix}`
  let hash = new Uint8Array()
  editEntries(files, `tile/entries/${name}`, (entries) => {
    const changed = replaceText(entries, place, '"outcome":"success"', '"outcome":"denied"')
    hash = new Uint8Array(leafHash(sha256, changed[place] ?? new Uint8Array()))
    return changed
  })
  return editBytes(files, `tile/0/${name}`, (bytes) => {
    bytes.set(hash, place * 32)
    return bytes
  })
}

function editEntries(files: LogFiles, path: string, edit: (entries: Uint8Array[]) => Uint8Array[]): LogFiles {
  const width = path.includes('.p/') ? Number(path.split('.p/')[1]) : 256
  return editBytes(files, path, (bytes) => encodeEntries(edit(decodeEntries(bytes, width))))
}

function editBytes(files: LogFiles, path: string, edit: (bytes: Uint8Array) => Uint8Array): LogFiles {
  const bytes = files.get(path)
  if (bytes === undefined) throw new Error(`the sample has no ${path}`)
  return files.set(path, edit(new Uint8Array(bytes)))
}

function without(files: LogFiles, path: string): LogFiles {
  if (!files.delete(path)) throw new Error(`the sample has no ${path}`)
  return files
}

function replaceText(entries: readonly Uint8Array[], at: number, from: string, to: string): Uint8Array[] {
  const text = Buffer.from(entries[at] ?? new Uint8Array()).toString()
  if (!text.includes(from)) throw new Error(`the sample has no ${from}`)
  return entries.with(at, Buffer.from(text.replace(from, to)))
}

function swap(entries: readonly Uint8Array[], first: number, second: number): Uint8Array[] {
  const [left, right] = [entries[first], entries[second]]
  if (left === undefined || right === undefined) throw new Error('the sample is too small')
  return entries.with(first, right).with(second, left)
}

/** A checkpoint by `signer` that names another origin than its key. */
export function foreignOrigin(): LogCase {
  const signer = newSigner()
  const leaves = sampleLeaves(3)
  const files = exportLog(leaves, signer)
  const note = utf8Decode(files.get('checkpoint') ?? new Uint8Array()) ?? ''
  const checkpoint = parseCheckpoint(note.slice(0, note.indexOf('\n\n') + 1))
  const text = formatCheckpoint({ ...checkpoint, origin: 'keystead/other' })
  files.set('checkpoint', utf8Encode(signNote(text, [signer])))
  const fails = ['checkpoint'] as const
  return {
    name: 'a wrong origin, signed',
    files,
    trust: policyFor(signer),
    since: null,
    fails,
    names: ['the origin is'],
  }
}
