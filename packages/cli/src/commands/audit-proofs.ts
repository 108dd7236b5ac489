import { base64Decode, utf8Encode } from '@keystead/protocol/bytes'
import { leafHash, verifyConsistency, verifyInclusion } from '@keystead/protocol/merkle'
import { canonicalJson, type JsonValue } from '@keystead/protocol/canonical-json'
import { CONNECTION_OPTIONS } from '../arguments.ts'
import type { Client, JsonObject } from '../client.ts'
import type { Command, Invocation } from '../command.ts'
import { sha256 } from '../crypto.ts'
import { EXIT, refusal, usageFailure } from '../failure.ts'
import { asText, asTexts } from '../fields.ts'
import { renderFields } from '../table.ts'
import { openServerCheckpoint, readSince, readTrust, TRUST_OPTION } from '../trust.ts'
import { fetchText } from './audit-log.ts'

const NUMBER = { type: 'text', placeholder: 'N' } as const

export const AUDIT_PROOF_COMMANDS: readonly Command[] = [
  {
    path: ['audit', 'proof', 'inclusion'],
    summary: 'prove that an event is in the log; with --trust the proof is verified here',
    operations: ['audit.proofs.inclusion'],
    options: {
      position: { ...NUMBER, help: 'position of the event', required: true },
      size: { ...NUMBER, help: 'size of the tree (default: the newest checkpoint)' },
      trust: TRUST_OPTION,
      ...CONNECTION_OPTIONS,
    },
    examples: ['keystead audit proof inclusion --position 42 --trust ./trust.policy'],
    run: proveInclusion,
  },
  {
    path: ['audit', 'proof', 'consistency'],
    summary:
      'prove that one state of the log is a prefix of a later one; with --trust and --since verified here',
    operations: ['audit.proofs.consistency'],
    options: {
      from: { ...NUMBER, help: 'size of the older tree (default: that of --since)' },
      to: { ...NUMBER, help: 'size of the newer tree (default: the newest checkpoint)' },
      since: { type: 'text', placeholder: 'FILE', help: 'an older checkpoint that you kept' },
      trust: TRUST_OPTION,
      ...CONNECTION_OPTIONS,
    },
    examples: [
      'keystead audit proof consistency --since ./2026-10.checkpoint --trust ./trust.policy',
      'keystead audit proof consistency --from 100 --to 250 --json',
    ],
    run: proveConsistency,
  },
]

async function proveInclusion(invocation: Invocation) {
  const { values } = invocation
  const position = values.integer('position', 0, Number.MAX_SAFE_INTEGER)
  const size = values.integer('size', 1, Number.MAX_SAFE_INTEGER)
  const trustFile = values.text('trust')
  if (trustFile !== undefined && size !== undefined)
    throw usageFailure('--trust verifies against the newest checkpoint: leave out --size')
  const trust = trustFile === undefined ? null : await readTrust(trustFile)
  const client = await invocation.authenticated()
  const checkpoint =
    trust === null ? null : openServerCheckpoint(await fetchText(client, '/v1/audit/log/checkpoint'), trust)
  const proof = await client.get('/v1/audit/proofs/inclusion', { position, size: checkpoint?.size ?? size })
  if (checkpoint !== null) {
    // The leaf is made here from the event that the server shows, so the proof is about that event and no other.
    const leaf = await leafOf(client, position ?? 0)
    if (!verifyInclusion(sha256, leaf, position ?? 0, checkpoint.size, hashes(proof), checkpoint.root)) {
      throw refusal(
        `refuted: the event at position ${position} is not in the tree of the checkpoint (size ${checkpoint.size})`,
      )
    }
  }
  await invocation.present({ ...proof, ...(checkpoint === null ? {} : { verified: true }) }, () =>
    renderFields([
      ['position', asText(proof['position'])],
      ['size', asText(proof['size'])],
      ['leaf hash', asText(proof['leafHash'])],
      ['root', asText(proof['root']) || null],
      ...asTexts(proof['proof']).map((hash) => ['proof', hash] as const),
      [
        'verified',
        checkpoint === null
          ? 'no (give --trust)'
          : `yes, against the signed checkpoint of ${checkpoint.origin}`,
      ],
    ]),
  )
  return EXIT.ok
}

async function proveConsistency(invocation: Invocation) {
  const { values } = invocation
  const [trustFile, sinceFile] = [values.text('trust'), values.text('since')]
  const [from, to] = [
    values.integer('from', 0, Number.MAX_SAFE_INTEGER),
    values.integer('to', 0, Number.MAX_SAFE_INTEGER),
  ]
  const verifies = trustFile !== undefined && sinceFile !== undefined
  if ((trustFile === undefined) !== (sinceFile === undefined))
    throw usageFailure('--trust and --since belong together')
  if (verifies && (from !== undefined || to !== undefined))
    throw usageFailure(
      '--since says from where, and the newest checkpoint to where: leave out --from and --to',
    )
  if (!verifies && (from === undefined || to === undefined))
    throw usageFailure('give --from and --to, or --since and --trust')
  const trust = verifies ? await readTrust(trustFile) : null
  const older = trust === null ? null : await readSince(sinceFile ?? '', trust)
  const client = await invocation.authenticated()
  const newer =
    trust === null ? null : openServerCheckpoint(await fetchText(client, '/v1/audit/log/checkpoint'), trust)
  if (older !== null && newer !== null && newer.size < older.size) {
    throw refusal(`refuted: the log now has ${newer.size} events and had ${older.size}: it was rolled back`)
  }
  const proof = await client.get('/v1/audit/proofs/consistency', {
    from: older?.size ?? from,
    to: newer?.size ?? to,
  })
  if (older !== null && newer !== null) {
    const consistent =
      older.origin === newer.origin &&
      verifyConsistency(sha256, older.size, newer.size, hashes(proof), older.root, newer.root)
    if (!consistent)
      throw refusal('refuted: the log of today does not continue the log of --since: history was rewritten')
  }
  await invocation.present({ ...proof, ...(newer === null ? {} : { verified: true }) }, () =>
    renderFields([
      ['from', asText(proof['from'])],
      ['to', asText(proof['to'])],
      ...asTexts(proof['proof']).map((hash) => ['proof', hash] as const),
      [
        'verified',
        newer === null
          ? 'no (give --since and --trust)'
          : `yes, between two signed checkpoints of ${newer.origin}`,
      ],
    ]),
  )
  return EXIT.ok
}

/** The leaf hash of the event at `position` as the server shows it. */
async function leafOf(client: Client, position: number): Promise<Uint8Array> {
  const { event } = await client.get(`/v1/audit/events/${position}`)
  try {
    return leafHash(sha256, utf8Encode(canonicalJson(event as JsonValue)))
  } catch (error) {
    if (error instanceof TypeError)
      throw refusal(`refuted: the event at position ${position} has no canonical form`)
    throw error
  }
}

/** The hashes of a proof; a refusal when one is not 32 bytes. */
function hashes(proof: JsonObject): readonly Uint8Array[] {
  return asTexts(proof['proof']).map((text) => {
    const bytes = base64Decode(text)
    if (bytes?.length !== 32) throw refusal('refuted: the proof holds something that is no hash')
    return bytes
  })
}
