import { formatVerifierKey } from '@keystead/protocol/checkpoint'
import { formatTrustPolicy } from '@keystead/protocol/trust-policy'
import { CONNECTION_OPTIONS } from '../arguments.ts'
import type { Client } from '../client.ts'
import type { Command } from '../command.ts'
import { EXIT } from '../failure.ts'
import { printableLines } from '../table.ts'
import { openServerCheckpoint, parseTrust, readTrust, TRUST_OPTION } from '../trust.ts'

export const AUDIT_LOG_COMMANDS: readonly Command[] = [
  {
    path: ['audit', 'checkpoint'],
    summary: "print the log's newest signed checkpoint",
    operations: ['audit.log.checkpoint'],
    options: { trust: TRUST_OPTION, ...CONNECTION_OPTIONS },
    notes: ['Keep one from time to time: with --since it shows later that history was only ever added to.'],
    examples: [
      'keystead audit checkpoint > 2026-11.checkpoint',
      'keystead audit checkpoint --trust ./trust.policy',
    ],
    run: async (invocation) => {
      const trustFile = invocation.values.text('trust')
      const trust = trustFile === undefined ? null : await readTrust(trustFile)
      const checkpoint = await fetchText(await invocation.authenticated(), '/v1/audit/log/checkpoint')
      if (trust !== null) openServerCheckpoint(checkpoint, trust)
      await invocation.present({ checkpoint }, () => printableLines(checkpoint.trimEnd()))
      return EXIT.ok
    },
  },
  {
    path: ['audit', 'key'],
    summary: "print the log's public key as a trust policy",
    operations: ['audit.log.key'],
    options: CONNECTION_OPTIONS,
    notes: ['Give the file to whoever verifies, by another way than the log itself.'],
    examples: ['keystead audit key > trust.policy'],
    run: async (invocation) => {
      const trustPolicy = await fetchTrustPolicy(await invocation.authenticated())
      await invocation.present({ trustPolicy }, () => printableLines(trustPolicy.trimEnd()))
      return EXIT.ok
    },
  },
]

/** The text of one of the log's files. */
export async function fetchText(client: Client, path: string): Promise<string> {
  const reply = await client.accepted({ method: 'GET', path })
  return new TextDecoder().decode(reply.body)
}

/** The log's own key, as the server states it, as a trust policy. */
export async function fetchTrustPolicy(client: Client): Promise<string> {
  const keys = parseTrust("the server's log key", await fetchText(client, '/v1/audit/log/key'))
  return formatTrustPolicy(keys.map(formatVerifierKey))
}
