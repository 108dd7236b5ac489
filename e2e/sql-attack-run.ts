import { parseAuditEvent } from '@keystead/protocol/audit-event'
import { recordStart } from '../packages/server/src/bootstrap.ts'
import { continueBulkOperations } from '../packages/server/src/keys/bulk/advance.ts'
import { testEmitter } from '../packages/server/src/world.test-support.ts'
import { DomainError, StartError } from '../packages/server/src/errors.ts'
import { explainStart } from '../packages/server/src/start-failure.ts'
import type { Store } from '../packages/server/src/storage/store.ts'
import { type Attack, type Outcome, ROW_ATTACKS } from './sql-attack-catalogue.ts'
import { AttackScope, type Laboratory } from './sql-attack-laboratory.ts'
import { askAll, type Answer, LATER, type Scene, type Server } from './sql-attack-scene.ts'
import { BULK_ATTACKS } from './sql-attacks-on-bulk.ts'
import { IMPORT_ATTACKS } from './sql-attacks-on-imports.ts'
import { LOG_ATTACKS } from './sql-attacks-on-log.ts'

export const ATTACKS: readonly Attack[] = [...ROW_ATTACKS, ...BULK_ATTACKS, ...IMPORT_ATTACKS, ...LOG_ATTACKS]

/** When the database is changed: under a server that runs, or between its end and its next start. */
export const MOMENTS = ['while running', 'before a start'] as const
type Moment = (typeof MOMENTS)[number]

export interface Result {
  readonly outcome: Outcome
  /** Everything that is not as it must be; empty when the attack has failed as it should. */
  readonly problems: readonly string[]
  readonly answers: number
  readonly valid: number
}

/** How long an alarm may take to be in the log; it is one commit. */
const ALARM_MS_MAX = 5_000

/** Attacks a fresh victim once, asks everything, and compares with what the log justifies. */
export async function runAttack(laboratory: Laboratory, attack: Attack, moment: Moment): Promise<Result> {
  const scope = new AttackScope()
  try {
    const { scene, attacker, open } = await laboratory.victim(scope)
    if (moment === 'while running') {
      const server = await open()
      const before = askAll(server, scene)
      const rows = await attack.run(attacker, scene)
      return await judge(server, scene, attack, { rows, before, expected: attack.whileRunning })
    }
    const untouched = await open()
    const before = askAll(untouched, scene)
    await untouched.close()
    const rows = await attack.run(attacker, scene)
    const server = await open().catch((error: unknown) => {
      if (error instanceof StartError || error instanceof DomainError) return error
      throw error
    })
    if (server instanceof Error) return refused(explainStart(server) ?? '', attack)
    return await judge(server, scene, attack, { rows, before, expected: attack.atStart })
  } finally {
    await scope.end()
  }
}

/** A start that did not happen serves nobody; it must say why in one line. */
function refused(text: string, { atStart, table }: Attack): Result {
  const problems = atStart === 'refusal' ? [] : [`the start was refused: ${text}`]
  const story = table.startsWith('audit') ? /log|checkpoint/ : /row|installation/
  if (!story.test(text) || text.includes('\n')) problems.push(`the refusal does not say why: ${text}`)
  return { outcome: 'refusal', problems, answers: 0, valid: 0 }
}

interface Expectation {
  readonly rows: readonly string[]
  readonly before: readonly Answer[]
  readonly expected: Outcome
}

async function judge(
  server: Server,
  scene: Scene,
  attack: Attack,
  expectation: Expectation,
): Promise<Result> {
  const { rows, before, expected } = expectation
  const at = askAll(server, scene)
  await readEverything(server, scene)
  await server.store.sweep().catch((error: unknown) => {
    if (server.store.halted() === null) throw error
  })
  await goOnWithBulk(server)
  const isRecorded = await recordStart(server.domain, testEmitter()).then(
    () => true,
    () => false,
  )
  await server.publish()
  const after = askAll(server, scene)
  const problems = [...unjustified(server, scene, [...at, ...after]), ...lost(attack, before, after)]
  const halted = server.store.halted()
  const named = rows.map((row) => `${attack.table} ${row}`)
  const alarms = halted === null ? await alarmsOf(server.store, named) : []
  const outcome = halted === null ? (alarms.length === 0 ? 'harmless' : 'alarm') : 'halt'
  if (halted === null && !isRecorded) problems.push('a change is refused without a halt')
  // To refuse all changes is more than to name one row: PostgreSQL does so where SQLite waits for the sweep.
  const isMore = outcome === 'halt' && attack.table.startsWith('audit')
  if (outcome !== expected && !isMore)
    problems.push(`came to ${outcome} instead of ${expected} (${alarms.join(', ')})`)
  if (expected === 'alarm' && halted === null)
    for (const row of named) if (!alarms.includes(row)) problems.push(`no alarm names ${row}`)
  if (halted !== null && !/log/.test(halted)) problems.push(`the halt does not say why: ${halted}`)
  const valid = after.filter(({ code }) => code === 'VALID').length
  return { outcome, problems, answers: at.length + after.length, valid }
}

/** What waits for the end of its undo window is concluded, as the job does it; a refusal is an answer too. */
async function goOnWithBulk({ domain, clock }: Server): Promise<void> {
  clock.now = LATER
  try {
    while (await continueBulkOperations(domain));
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
  }
}

/** Reads as the operations of the API do; a refusal is an answer too. */
async function readEverything({ store, clock }: Server, { cast, ...scene }: Scene): Promise<void> {
  const page = { limit: 200, cursor: null }
  const any = { projectId: null, environment: null, ownerId: null, roleId: null, state: null }
  const { reader } = store
  const reads: (() => Promise<unknown>)[] = [
    async () => reader.installation(),
    async () => reader.projects(null, page),
    async () => reader.owners({ projectId: null, externalId: null }, page),
    async () => reader.roles(null, page),
    async () => reader.importSources(null, page),
    async () => reader.keys({ kind: 'issued', ...any, now: clock.now }, page),
    async () => reader.keys({ kind: 'root', ...any, now: clock.now }, page),
    ...scene.projectIds.map((id) => async () => reader.environments(id)),
    ...Object.values(cast).map(
      ({ id }) =>
        async () =>
          reader.key(id),
    ),
  ]
  for (const read of reads)
    await read().catch((error: unknown) => {
      if (!(error instanceof DomainError)) throw error
    })
}

/** Every VALID that the log does not justify. */
function unjustified(server: Server, { cast, oracle }: Scene, answers: readonly Answer[]): string[] {
  return answers
    .filter(({ code }) => code === 'VALID')
    .filter(({ part, question }) => {
      const version = part === 'successor' ? 2 : 1
      return !oracle.justifies({ keyId: cast[part].id, version, ...question, now: server.clock.now })
    })
    .map(({ part, question }) => `VALID without reason: ${part} ${JSON.stringify(question)}`)
}

/** Every VALID that is gone though nobody touched the key. */
function lost({ touched }: Attack, before: readonly Answer[], after: readonly Answer[]): string[] {
  return before.flatMap(({ part, question, code }, i) =>
    code === 'VALID' && after[i]?.code !== 'VALID' && !touched.includes(part)
      ? [`${part} is out of service: ${after[i]?.code} ${JSON.stringify(question)}`]
      : [],
  )
}

/** The rows that the log has an alarm for, as "table row"; waits a moment until those that are wanted are there. */
async function alarmsOf({ reader }: Store, wanted: readonly string[]): Promise<string[]> {
  const overdue = performance.now() + ALARM_MS_MAX
  for (;;) {
    const positions = await reader.auditPositions({ targetId: null, action: 'integrity.alarm' }, -1, 1_000)
    const alarms: string[] = []
    for (const position of positions)
      for (const { bytes } of await reader.auditEntries(position, 1)) {
        const { table, row } = parseAuditEvent(bytes).details
        if (typeof table === 'string' && typeof row === 'string') alarms.push(`${table} ${row}`)
      }
    if (wanted.every((row) => alarms.includes(row)) || performance.now() > overdue) return alarms
    await new Promise((turn) => setTimeout(turn, 5))
  }
}
