import { generateKeyPairSync, sign } from 'node:crypto'
import { concatBytes } from '@keystead/protocol/bytes'
import { canonicalJson } from '@keystead/protocol/canonical-json'
import { formatCheckpoint, formatVerifierKey, noteKey, signNote } from '@keystead/protocol/checkpoint'
import {
  consistencyProof,
  inclusionProof,
  leafHash,
  type NodeReader,
  rootFromLeafHashes,
} from '@keystead/protocol/merkle'
import { encodeEntries, parseTilePath, TILE_WIDTH } from '@keystead/protocol/tiles'
import { formatTrustPolicy } from '@keystead/protocol/trust-policy'
import { sha256 } from './crypto.ts'
import { json } from './world.test-support.ts'

const ORIGIN = 'keystead/test'

/** A signed log in memory that answers the log's part of the API. `size` can be changed at any time. */
export interface TestLog {
  size: number
  readonly trust: string
  checkpoint(): string
  respond(request: Request): Response
}

/** A log of `size` events; `seed` makes its events differ from those of another log under the same key. */
export function testLog(size: number, seed = 'a', pair = generateKeyPairSync('ed25519')): TestLog {
  const publicKey = new Uint8Array(Buffer.from(pair.publicKey.export({ format: 'jwk' }).x ?? '', 'base64url'))
  const key = noteKey(sha256, ORIGIN, publicKey)
  const trust = formatTrustPolicy([formatVerifierKey(key)])
  const log: TestLog = {
    size,
    trust,
    checkpoint: () => {
      const root = rootFromLeafHashes(
        sha256,
        leaves(log.size, seed).map((leaf) => leafHash(sha256, leaf)),
      )
      const text = formatCheckpoint({ origin: ORIGIN, size: log.size, root })
      return signNote(text, [{ key, sign: (message) => sign(null, message, pair.privateKey) }])
    },
    respond: (request) => answer(log, seed, new URL(request.url)),
  }
  return log
}

function answer(log: TestLog, seed: string, url: URL): Response {
  const path = url.pathname.replace('/v1/audit/', '')
  const number = (name: string) => Number(url.searchParams.get(name))
  const encode = (hashes: readonly Uint8Array[]) => hashes.map((hash) => Buffer.from(hash).toString('base64'))
  if (path === 'log/checkpoint') return new Response(log.checkpoint())
  if (path === 'log/key') return new Response(log.trust)
  if (path.startsWith('log/tile/')) return tile(log, seed, path.slice('log/'.length))
  if (path.startsWith('events/')) return json({ event: event(Number(path.slice('events/'.length)), seed) })
  const node = nodeReader(leaves(log.size, seed))
  const [position, size] = [number('position'), number('size')]
  if (path === 'proofs/inclusion') {
    return json({ position, size, proof: encode(inclusionProof(sha256, position, size, node)) })
  }
  const [from, to] = [number('from'), number('to')]
  return json({ from, to, proof: encode(consistencyProof(sha256, from, to, node)) })
}

function tile(log: TestLog, seed: string, path: string): Response {
  const parsed = parseTilePath(path)
  if (parsed === null) return json({ title: 'Not Found' }, 404)
  const start = parsed.index * TILE_WIDTH
  const all = leaves(log.size, seed)
  if (parsed.kind === 'entries')
    return new Response(new Uint8Array(encodeEntries(all.slice(start, start + parsed.width))))
  const node = nodeReader(all)
  const hashes = Array.from({ length: parsed.width }, (_, at) => node(8 * parsed.level, start + at))
  return new Response(new Uint8Array(concatBytes(...hashes)))
}

function nodeReader(all: readonly Uint8Array[]): NodeReader {
  return (level, index) => {
    const part = all.slice(index * 2 ** level, (index + 1) * 2 ** level)
    return rootFromLeafHashes(
      sha256,
      part.map((leaf) => leafHash(sha256, leaf)),
    )
  }
}

function leaves(size: number, seed: string): readonly Uint8Array[] {
  return Array.from({ length: size }, (_, position) =>
    new TextEncoder().encode(canonicalJson(event(position, seed))),
  )
}

/** Well-formed events that change one owner after another. */
function event(position: number, seed: string) {
  const id = String(position).padStart(25, '0')
  const hash = (text: string) => Buffer.from(sha256(new TextEncoder().encode(`${seed}${text}${position}`)))
  return {
    v: 1,
    id: `evt_0${id}`,
    nonce: hash('nonce').subarray(0, 16).toString('base64url'),
    at: '2026-11-22T00:00:00.000Z',
    boot: `boot_${'0'.repeat(26)}`,
    node: 'test',
    project: `prj_${'0'.repeat(26)}`,
    environment: null,
    action: 'owner.created',
    outcome: 'success',
    reason: null,
    actor: { type: 'system', id: null },
    targets: [
      {
        type: 'owner',
        id: `own_0${id}`,
        version: 1,
        state: [null, 'active'],
        commitment: hash('c').toString('base64url'),
      },
    ],
    request: null,
    details: {},
    mac: hash('mac').toString('base64url'),
  }
}
