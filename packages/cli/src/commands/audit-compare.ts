import { CannotCompareError, compareCheckpoints, type Comparison } from '@keystead/protocol/audit-comparison'
import { base64Decode } from '@keystead/protocol/bytes'
import { isObject } from '../client.ts'
import type { Command, Invocation } from '../command.ts'
import { sha256, verifyEd25519 } from '../crypto.ts'
import { EXIT, usageFailure } from '../failure.ts'
import { readExported } from '../exported-file.ts'
import { asTexts } from '../fields.ts'
import { readTextFile, TRUST_OPTION } from '../trust.ts'

export const AUDIT_COMPARE_COMMAND: Command = {
  path: ['audit', 'compare'],
  summary: 'compare two signed checkpoints, offline; exit code 1 unless they are shown to be of one log',
  operations: [],
  positionals: [
    { name: 'first', help: 'a checkpoint: yours' },
    { name: 'second', help: 'another one: what somebody else was shown' },
  ],
  options: {
    trust: { ...TRUST_OPTION, required: true },
    log: { type: 'text', placeholder: 'DIR', help: 'an export that reaches the larger of the two' },
    proof: {
      type: 'text',
      placeholder: 'FILE',
      help: 'instead: what `keystead audit proof consistency --json` said',
    },
  },
  notes: [
    'SPLIT VIEW: both are signed and cannot be of one log: the signer has shown two histories. Keep both files.',
    'NOT SHOWN: the proof or the export says nothing about these two.',
  ],
  examples: [
    'keystead audit compare mine.checkpoint theirs.checkpoint --trust ./trust.policy --log ./audit-2026-11',
    'keystead audit compare mine.checkpoint theirs.checkpoint --trust ./trust.policy --proof ./proof.json',
  ],
  run: compare,
}

async function compare(invocation: Invocation) {
  const { values } = invocation
  const [folder, proofFile] = [values.text('log'), values.text('proof')]
  if (folder !== undefined && proofFile !== undefined) throw usageFailure('give --log or --proof, not both')
  const notes = [
    await readTextFile('first', values.positional('first')),
    await readTextFile('second', values.positional('second')),
  ] as const
  const input = {
    notes,
    trust: await readTextFile('trust', values.required('trust')),
    proof: proofFile === undefined ? null : proofIn(await readTextFile('proof', proofFile)),
    readFile: folder === undefined ? null : async (path: string) => readExported(folder, path),
    sha256,
    verifyEd25519,
  }
  try {
    const comparison = await compareCheckpoints(input)
    await invocation.present(comparison, () => render(comparison))
    return comparison.verdict === 'consistent' ? EXIT.ok : EXIT.refused
  } catch (error) {
    if (error instanceof CannotCompareError) throw usageFailure(`cannot compare: ${error.message}`)
    throw error
  }
}

function render({ verdict, detail, origin, sizes }: Comparison): string {
  return [
    `log    ${origin}`,
    `sizes  ${sizes.join(' and ')}`,
    `       ${detail}`,
    verdict.toUpperCase(),
  ].join('\n')
}

/** The hashes of a proof as the API gives it. */
function proofIn(text: string): readonly Uint8Array[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw usageFailure('the file of --proof is no JSON')
  }
  const hashes = asTexts(isObject(value) ? value['proof'] : null).map(base64Decode)
  if (!isObject(value) || !Array.isArray(value['proof']) || hashes.length !== value['proof'].length)
    throw usageFailure('the file of --proof holds no proof')
  return hashes.map((hash) => hash ?? new Uint8Array())
}
