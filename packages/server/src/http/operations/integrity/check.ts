import { Type } from 'typebox'
import { operation } from '../../operation.ts'
import { closed, nullable } from '../../schemas.ts'

/** What to do about a finding, by what was found. */
const HELP = {
  row: 'The row is refused. Keep a copy of the database, read the log about it, and restore from before the change.',
  log: 'Do not restart. Export what was signed, verify it, and restore from before the change.',
  index: 'Proofs and look-ups may fail until it is restored; nothing is decided by it.',
} as const

export const checkIntegrityOperation = operation({
  id: 'integrity.check',
  method: 'POST',
  path: '/v1/integrity:check',
  summary: 'Read everything again: all rows and leaves, and the whole log folded and compared with the rows',
  permission: 'integrity:check',
  installationWide: true,
  audit: null,
  status: 200,
  body: closed({}),
  output: closed({
    ok: Type.Boolean(),
    rows: Type.Integer({ description: 'rows that are what was committed' }),
    leaves: Type.Integer(),
    halted: nullable(Type.String({ description: 'why changes are refused, if they are' })),
    findings: Type.Array(
      closed({ table: Type.String(), row: Type.String(), what: Type.String(), help: Type.String() }),
    ),
  }),
  errors: [],
  handle: async ({ domain }) => {
    const { rows, leaves, refused, logProblem } = await domain.store.check()
    const halted = domain.store.halted()
    const findings = refused.map(({ table, id, what }) => ({ table, row: id, what, help: helpFor(table) }))
    if (logProblem !== null)
      findings.push({ table: 'audit_entry', row: '-', what: logProblem, help: HELP.log })
    return { ok: findings.length === 0 && halted === null, rows, leaves, halted, findings }
  },
})

function helpFor(table: string): string {
  if (table === 'audit_entry' || table === 'audit_head') return HELP.log
  return table === 'audit_node' ? HELP.index : HELP.row
}
