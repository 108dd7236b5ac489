// Makes small logs for the verifier's tests: valid events, a signed checkpoint, tiles, all in memory.
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import {
  type AuditEvent,
  type AuditTarget,
  canonicalEvent,
  parseAuditEvent,
  parseAuditTarget,
} from './audit-event.ts'
import { batchPath, hasBatch } from './audit-batches.ts'
import { commitmentOf, formatStateLine, type StateLine } from './audit-state.ts'
import { base64UrlEncode, concatBytes, utf8Encode } from './bytes.ts'
import { formatCheckpoint, formatVerifierKey, noteKey, type NoteSigner, signNote } from './checkpoint.ts'
import { Frontier, leafHash } from './merkle.ts'
import { sha256 } from './node-crypto.test-support.ts'
import { encodeEntries, entriesPath, TILE_WIDTH, tilePath, tilesForSize } from './tiles.ts'
import { formatTrustPolicy } from './trust-policy.ts'

export const ORIGIN = 'keystead/01jd0000000000000000000000'

/** The files of an export by path, to be changed at will. */
export type LogFiles = Map<string, Uint8Array>

export function newSigner(
  name = ORIGIN,
  keyPair: { publicKey: KeyObject; privateKey: KeyObject } = newKeyPair(),
) {
  const raw = Buffer.from(keyPair.publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')
  const key = noteKey(sha256, name, raw)
  return { key, sign: (message: Uint8Array) => sign(null, message, keyPair.privateKey) } satisfies NoteSigner
}

export function policyFor(signer: NoteSigner): string {
  return formatTrustPolicy([formatVerifierKey(signer.key)])
}

export function signedCheckpoint(leaves: readonly Uint8Array[], signer: NoteSigner, origin = ORIGIN): string {
  return signNote(formatCheckpoint({ origin, size: leaves.length, root: grow(leaves).root }), [signer])
}

/** A complete export over whatever leaves are given, valid or not. */
export function exportLog(leaves: readonly Uint8Array[], signer: NoteSigner, origin = ORIGIN): LogFiles {
  const { nodes } = grow(leaves)
  const files: LogFiles = new Map([['checkpoint', utf8Encode(signedCheckpoint(leaves, signer, origin))]])
  for (const { level, index, width } of tilesForSize(leaves.length)) {
    const first = index * TILE_WIDTH
    const hashes = nodes[level]?.slice(first, first + width) ?? []
    files.set(tilePath({ level, index, width }), concatBytes(...hashes))
    if (level === 0) files.set(entriesPath(index, width), encodeEntries(leaves.slice(first, first + width)))
  }
  return files
}

export function sampleLeaves(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, position) => canonicalEvent(sampleEvent(position)))
}

/**
 * The event at a position: an installation with its bootstrap key, a project, then rounds of five: an owner, a key, a
 * rotation, a rename, and the key's end (every second time by compromise).
 */
export function sampleEvent(position: number): AuditEvent {
  const common = { actor: { type: 'root_key', id: `key_${ulid(0)}` } as const, project: `prj_${ulid(0)}` }
  if (position === 0) {
    const targets = [target('installation', ulid(0), 1), target('root_key', `key_${ulid(0)}`, 1)]
    return { ...event(position, 'installation.initialized', targets), request: null }
  }
  if (position === 1) {
    const environments = [0, 1, 2].map((at) => target('environment', `env_${ulid(at)}`, 1))
    return {
      ...event(position, 'project.created', [target('project', `prj_${ulid(0)}`, 1), ...environments]),
      ...common,
    }
  }
  const round = Math.floor((position - 2) / 5)
  const step = (position - 2) % 5
  const key = `key_${ulid(round + 1)}`
  const end = round % 2 === 0 ? 'compromised' : 'deactivated'
  const steps = [
    event(position, 'owner.created', [target('owner', `own_${ulid(round)}`, 1)]),
    event(position, 'key.created', [target('api_key', key, 1)]),
    event(position, 'key.rotated', [target('api_key', key, 2)]),
    event(position, 'key.updated', [target('api_key', key, 3)]),
    event(position, 'key.revoked', [target('api_key', key, 4, ['active', end])]),
  ]
  return { ...(steps[step] ?? event(position, 'server.started', [])), ...common, environment: 'production' }
}

export function target(
  type: AuditTarget['type'],
  id: string,
  version: number,
  state: AuditTarget['state'] = [version === 1 ? null : 'active', 'active'],
): AuditTarget {
  const { text } = row(type, id, version, state[1])
  return { type, id, version, state, commitment: commitmentOf(sha256, saltOf(id, version), text) }
}

/** The exported line of an object as the sample server stores it. */
export function row(
  type: StateLine['type'],
  id: string,
  version: number,
  state: StateLine['state'],
): StateLine {
  const table = type === 'root_key' ? 'api_key' : type
  const kind = type === 'root_key' ? { kind: 'root' } : type === 'api_key' ? { kind: 'key' } : {}
  const text = JSON.stringify([table, { id, version, ...kind, name: `été ${version} "x"`, state }])
  return { type, id, version, state, salt: base64UrlEncode(saltOf(id, version)), text }
}

/** Every object as the leaves and their batches leave it, in the order of their first leaf. */
export function stateOf(leaves: readonly Uint8Array[], files: LogFiles = new Map()): StateLine[] {
  const objects = new Map<string, StateLine>()
  for (const [position, leaf] of leaves.entries()) {
    const parsed = parseAuditEvent(leaf)
    const batch = hasBatch(parsed)
      ? Buffer.from(files.get(batchPath(position)) ?? '')
          .toString()
          .split('\n')
      : []
    const more = batch.map((line) => parseAuditTarget(utf8Encode(line)))
    for (const { type, id, version, state } of [...parsed.targets, ...more])
      objects.set(id, row(type, id, version, state[1]))
  }
  return [...objects.values()]
}

export function stateFile(lines: readonly StateLine[]): Uint8Array {
  return utf8Encode(lines.map((line) => `${formatStateLine(line)}\n`).join(''))
}

/** What the verifier reads an export of `files` by. */
export function readerOf(files: LogFiles) {
  return {
    readFile: async (path: string) => files.get(path) ?? null,
    readPieces: async (path: string) => {
      const bytes = files.get(path)
      return bytes === undefined ? null : pieces(bytes)
    },
    listFiles: async () => [...files.keys()],
  }
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  // Of a length that cuts lines and characters anywhere.
  for (let from = 0; from < bytes.length; from += 1_000) yield bytes.subarray(from, from + 1_000)
}

function saltOf(id: string, version: number): Uint8Array {
  return new Uint8Array(digest(`salt ${id} ${version}`))
}

function event(position: number, action: AuditEvent['action'], targets: readonly AuditTarget[]): AuditEvent {
  return {
    v: 1,
    id: `evt_${ulid(position)}`,
    nonce: digest(`nonce ${position}`).subarray(0, 16).toString('base64url'),
    at: new Date(Date.UTC(2026, 10, 22) + position * 1000).toISOString(),
    boot: `boot_${ulid(0)}`,
    node: 'api-1',
    project: null,
    environment: null,
    action,
    outcome: 'success',
    reason: null,
    actor: { type: 'system', id: null },
    targets,
    request: { id: `req_${ulid(position)}`, operation: 'keys.sample' },
    details: { note: `event ${position}`, permissions: ['market:read'] },
    mac: digest(`mac ${position}`).toString('base64url'),
  }
}

/** A well-formed identifier body that counts. */
export function ulid(count: number): string {
  return String(count).padStart(26, '0')
}

// Per tile level the hashes of that level.
function grow(leaves: readonly Uint8Array[]): { nodes: Uint8Array[][]; root: Uint8Array } {
  const nodes: Uint8Array[][] = [[], [], []]
  const frontier = new Frontier(sha256)
  for (const leaf of leaves) {
    const hash = leafHash(sha256, leaf)
    nodes[0]?.push(hash)
    for (const closed of frontier.append(hash))
      if (closed.level % 8 === 0) nodes[closed.level / 8]?.push(closed.hash)
  }
  return { nodes, root: frontier.root() }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function newKeyPair() {
  return generateKeyPairSync('ed25519')
}
