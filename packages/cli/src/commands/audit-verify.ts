import { realpath } from 'node:fs/promises'
import { dirname } from 'node:path'
import { renderReport } from '@keystead/protocol/audit-report'
import { CannotVerifyError, verifyLog } from '@keystead/protocol/audit-verification'
import type { Command, Invocation } from '../command.ts'
import { sha256, verifyEd25519 } from '../crypto.ts'
import { listExported, readExported, readExportedPieces } from '../exported-file.ts'
import { EXIT, systemCode, usageFailure } from '../failure.ts'
import { readTextFile, TRUST_ADVICE, TRUST_OPTION } from '../trust.ts'

export const AUDIT_VERIFY_COMMAND: Command = {
  path: ['audit', 'verify'],
  summary: 'verify an exported audit log, offline; exit code 1 when it is refuted',
  operations: [],
  positionals: [{ name: 'folder', help: 'made by keystead audit export' }],
  options: {
    trust: TRUST_OPTION,
    since: {
      type: 'text',
      placeholder: 'FILE',
      help: 'an older checkpoint that you kept: the log must continue it',
    },
  },
  notes: [
    "Recomputes the tree from the entries and checks signature, tiles, events, every object's history, and the state.",
    'Needs no server and no network.',
  ],
  examples: [
    'keystead audit verify ./audit-2026-11 --trust ./trust.policy',
    'keystead audit verify ./audit-2026-11 --trust ./trust.policy --since ./2026-10.checkpoint --json',
  ],
  run: verifyExport,
}

async function verifyExport(invocation: Invocation) {
  const { values, world } = invocation
  const folder = values.positional('folder')
  const trustFile = values.text('trust')
  if (trustFile === undefined) throw usageFailure(`--trust is missing. ${TRUST_ADVICE}`)
  const sinceFile = values.text('since')
  const trust = await readTextFile('trust', trustFile)
  const since = sinceFile === undefined ? null : await readTextFile('since', sinceFile)
  if (await isInside(trustFile, folder)) {
    await world.stderr.write(
      `warning: ${trustFile} came with the export and proves nothing about it. ${TRUST_ADVICE}\n`,
    )
  }
  try {
    const report = await verifyLog({
      readFile: (path) => readExported(folder, path),
      readPieces: (path) => readExportedPieces(folder, path),
      listFiles: () => listExported(folder),
      trust,
      since,
      sha256,
      verifyEd25519,
    })
    await invocation.present(report, () => renderReport(report).trimEnd())
    return report.ok ? EXIT.ok : EXIT.refused
  } catch (error) {
    if (error instanceof CannotVerifyError) throw usageFailure(`cannot verify ${folder}: ${error.message}`)
    throw error
  }
}

async function isInside(file: string, folder: string): Promise<boolean> {
  try {
    return dirname(await realpath(file)) === (await realpath(folder))
  } catch (error) {
    // A folder that is not there is reported by the verification itself.
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}
