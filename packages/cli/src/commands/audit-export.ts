import { STATE_PATH } from '@keystead/protocol/audit-state'
import { equalBytes } from '@keystead/protocol/bytes'
import type { Checkpoint } from '@keystead/protocol/checkpoint'
import { CONNECTION_OPTIONS } from '../arguments.ts'
import { fetchBatches } from '../batch-export.ts'
import type { Client } from '../client.ts'
import type { Command, Invocation } from '../command.ts'
import {
  isPresent,
  openExportFolder,
  removeFile,
  removeOthers,
  writePieces,
  writeWhole,
} from '../export-folder.ts'
import { type PlannedTile, planExport } from '../export-plan.ts'
import { EXIT, refusal } from '../failure.ts'
import { fetchUses } from '../use-export.ts'
import { beginStateExport } from '../state-export.ts'
import { readUnverifiedCheckpoint, TRUST_ADVICE } from '../trust.ts'
import { fetchText, fetchTrustPolicy } from './audit-log.ts'

// Enough to hide the latency of a distant server, few enough not to crowd out its other callers.
const FETCHES_AT_ONCE = 8

export const AUDIT_EXPORT_COMMAND: Command = {
  path: ['audit', 'export'],
  summary: 'copy the audit log to a folder, for offline verification',
  operations: [
    'audit.log.checkpoint',
    'audit.log.tile',
    'audit.log.batch',
    'audit.log.key',
    'audit.state.export',
    'usage.records.get',
  ],
  options: {
    to: {
      type: 'text',
      placeholder: 'DIR',
      help: 'new folder, or an earlier export to extend',
      required: true,
    },
    state: {
      type: 'flag',
      help: 'also all stored objects, so that verify can compare them with the log',
    },
    uses: { type: 'flag', help: 'also the records of use that are still kept' },
    ...CONNECTION_OPTIONS,
  },
  notes: [
    'The folder has the C2SP tlog-tiles layout: checkpoint, tile/, batch/, and trust.policy for information.',
    'With --state it also holds state.jsonl: names, permissions and digests of all objects. Keep it as you keep a backup.',
    'With --uses it also holds use/BOOT/NUMBER: which key was used when, 32 bytes each.',
  ],
  examples: [
    'keystead audit export --to ./audit-2026-11',
    'keystead audit export --to ./audit-2026-11 --state',
    'keystead audit verify ./audit-2026-11 --trust ./trust.policy',
  ],
  run: exportLog,
}

async function exportLog(invocation: Invocation) {
  const { values, world } = invocation
  const folder = values.required('to')
  const client = await invocation.authenticated()
  const earlier = (await openExportFolder(folder)).checkpoint
  const state = values.flag('state') ? await beginStateExport(client) : null
  const note = state?.checkpoint ?? (await fetchText(client, '/v1/audit/log/checkpoint'))
  const checkpoint = readUnverifiedCheckpoint("the server's checkpoint", note)
  if (earlier !== null)
    refuseOtherHistory(readUnverifiedCheckpoint(`${folder}/checkpoint`, earlier), checkpoint)
  // One of another size than the checkpoint would look like a change of the database.
  await removeFile(folder, STATE_PATH)
  // First, since the server does not wait long for the next page.
  if (state !== null) await writePieces(folder, STATE_PATH, state.lines)
  const policy = await fetchTrustPolicy(client)
  const plan = planExport(checkpoint.size)
  const fetched = await fetchTiles(invocation, client, folder, plan)
  const uses = values.flag('uses') ? await fetchUses(client, folder, checkpoint.size) : null
  const batches = await fetchBatches(client, folder, checkpoint.size)
  await writeWhole(folder, 'trust.policy', policy)
  // Last: whoever finds a checkpoint finds the tiles that it covers.
  await writeWhole(folder, 'checkpoint', note)
  if (plan.length > 0) await removeOthers(folder, new Set(plan.map(({ path }) => path)))
  const { origin, size } = checkpoint
  const answer = {
    ...{ folder, origin, size, files: plan.length, fetched, batches },
    ...(uses === null ? {} : { uses }),
  }
  await invocation.present(
    answer,
    () =>
      `${size} events of ${origin} in ${folder} (${fetched} of ${plan.length} tiles fetched)` +
      (uses === null ? '' : `, records of ${uses.kept} of ${uses.batches} batches of use`),
  )
  await world.stderr.write(
    `the copy is not verified yet: keystead audit verify ${folder} --trust FILE\n${TRUST_ADVICE}\n`,
  )
  return EXIT.ok
}

/** An export is never overwritten by a shorter log, another log, or another root of the same size. */
function refuseOtherHistory(earlier: Checkpoint, now: Checkpoint): void {
  if (earlier.origin !== now.origin)
    throw refusal(`the folder holds ${earlier.origin} and the server has ${now.origin}`)
  if (now.size < earlier.size) {
    throw refusal(
      `refuted: the server's log has ${now.size} events, the export ${earlier.size}: the log was rolled back`,
    )
  }
  if (now.size === earlier.size && !equalBytes(now.root, earlier.root)) {
    throw refusal(`refuted: the server's log of ${now.size} events differs from the export of the same size`)
  }
}

/** Fetches what is missing, a few at a time; returns how many. */
async function fetchTiles(
  { world, json }: Invocation,
  client: Client,
  folder: string,
  plan: readonly PlannedTile[],
): Promise<number> {
  const queue = plan.values()
  let done = 0
  let fetched = 0
  const worker = async () => {
    for (const { path, full } of queue) {
      if (!(full && (await isPresent(folder, path)))) {
        const reply = await client.accepted({ method: 'GET', path: `/v1/audit/log/${path}` })
        await writeWhole(folder, path, reply.body)
        fetched += 1
      }
      done += 1
      if (world.stderr.isTerminal && !json) await world.stderr.write(`\r${done} of ${plan.length} tiles`)
    }
  }
  await Promise.all(Array.from({ length: FETCHES_AT_ONCE }, worker))
  if (world.stderr.isTerminal && !json) await world.stderr.write('\r\u001b[K')
  return fetched
}
