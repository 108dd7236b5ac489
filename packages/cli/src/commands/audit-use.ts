import { writeFile } from 'node:fs/promises'
import {
  parseUseReceipt,
  USE_RECEIPT_BYTES_MAX,
  type UseReceipt,
  verifyUseReceipt,
} from '@keystead/protocol/use-receipt'
import type { Use } from '@keystead/protocol/use-record'
import { CONNECTION_OPTIONS } from '../arguments.ts'
import type { Command, Invocation } from '../command.ts'
import { sha256 } from '../crypto.ts'
import { parseTime } from '../duration.ts'
import { EXIT, refusal, systemCode, usageFailure } from '../failure.ts'
import { toJson } from '../json.ts'
import { renderFields } from '../table.ts'
import { openServerCheckpoint, readTextFile, readTrust, TRUST_OPTION } from '../trust.ts'
import { identifier } from '../values.ts'

export const AUDIT_USE_COMMANDS: readonly Command[] = [
  {
    path: ['audit', 'prove-use'],
    summary: 'write a receipt that proves one use of a key to anybody who has the log’s public key',
    operations: ['usage.proof'],
    options: {
      key: { type: 'text', placeholder: 'KEY', help: 'the key that was used', required: true },
      at: {
        type: 'text',
        placeholder: 'TIME',
        help: 'the first use at or after this time, within a minute',
        required: true,
      },
      to: { type: 'text', placeholder: 'FILE', help: 'a new file for the receipt', required: true },
      ...CONNECTION_OPTIONS,
    },
    notes: ['The receipt also shows up to 31 other uses of the same moment, by key id and time.'],
    examples: [
      'keystead audit prove-use --key key_01k3f8c2x5w9m7q4t6v0b1n2p3 --at 2026-11-22T12:00:00Z --to ./use.receipt',
    ],
    run: proveUse,
  },
  {
    path: ['audit', 'verify-use'],
    summary: 'verify a receipt of one use, offline',
    operations: [],
    positionals: [{ name: 'receipt', help: 'a file of `keystead audit prove-use`' }],
    options: { trust: { ...TRUST_OPTION, required: true } },
    examples: ['keystead audit verify-use ./use.receipt --trust ./trust.policy'],
    run: verifyUse,
  },
]

async function proveUse(invocation: Invocation) {
  const { values } = invocation
  const file = values.required('to')
  const keyId = identifier('key', values.required('key'))
  const at = parseTime('at', values.required('at'))
  const receipt = await (await invocation.authenticated()).get('/v1/usage/proof', { keyId, at })
  if (parseUseReceipt(toJson(receipt)) === null) throw refusal('the server did not answer with a receipt')
  try {
    await writeFile(file, `${toJson(receipt)}\n`, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    throw usageFailure(`--to ${file} cannot be written (${systemCode(error) ?? 'unknown error'})`)
  }
  await invocation.present(
    { file },
    () =>
      `receipt written to ${file}; it is not verified yet: keystead audit verify-use ${file} --trust FILE`,
  )
  return EXIT.ok
}

async function verifyUse(invocation: Invocation) {
  const { values } = invocation
  const file = values.positional('receipt')
  const trust = await readTrust(values.required('trust'))
  const receipt = readReceipt(await readTextFile('receipt', file))
  const checkpoint = openServerCheckpoint(receipt.checkpoint, trust)
  const proven = verifyUseReceipt(sha256, receipt, checkpoint)
  if (typeof proven === 'string') throw refusal(`refuted: the receipt ${proven}`)
  const { use, batch } = proven
  const answer = { ...use, boot: batch.boot, batchNumber: batch.batchNumber, position: receipt.position }
  await invocation.present(
    { ...answer, origin: checkpoint.origin, size: checkpoint.size, verified: true },
    () =>
      renderFields([
        ...describeUse(use),
        ['batch', `${batch.batchNumber} of ${batch.boot} (${batch.emitter})`],
        ['position', String(receipt.position)],
        ['verified', `yes, against the signed checkpoint of ${checkpoint.origin}, size ${checkpoint.size}`],
      ]),
  )
  return EXIT.ok
}

function readReceipt(text: string): UseReceipt {
  const receipt = text.length > USE_RECEIPT_BYTES_MAX ? null : parseUseReceipt(text)
  if (receipt === null) throw usageFailure('the file is no receipt of a use')
  return receipt
}

function describeUse(use: Use): (readonly [string, string | null])[] {
  return [
    ['key', use.keyId],
    ['version', String(use.versionNumber)],
    ['answered', use.code],
    ['at', new Date(use.at).toISOString()],
    ['as', use.asCaller ? 'a caller of Keystead itself' : null],
    ['times', use.repeats === 0 ? null : `${1 + use.repeats}, in that millisecond`],
  ]
}
