// Lets one call of what an operation rests on fail, each in turn, and looks at what is left: the same for every database.
import assert from 'node:assert/strict'
import { ERROR_CODES, type ErrorCodeName } from '@keystead/protocol/error-codes'
import type { Failing, Fault } from '../fault.test-support.ts'
import { continueBulkOperations } from '../keys/bulk/advance.ts'
import { aKey } from '../keys/keys.test-support.ts'
import { updatePolicy } from '../projects/policy.ts'
import { SEALED } from '../storage/rows.ts'
import { type Installation, may } from '../world.test-support.ts'
import type { Answer, Api } from './api.test-support.ts'
import type { Described } from './operation.ts'
import { OPERATIONS, SELF_OPERATIONS } from './operations.ts'
import { type Sample, sampleOf } from './operations/samples.test-support.ts'

/** Every operation that changes something. */
export const CHANGING: readonly Described[] = [...OPERATIONS, ...SELF_OPERATIONS].filter(
  ({ audit }) => audit !== null,
)

/** Go on in several transactions, each whole, from where one failed. */
const CHUNKED: ReadonlySet<string> = new Set(['bulk-operations.undo', 'keys.bulk'])
const ATTEMPTS_MAX = 10
/** More calls than any operation makes. */
const CALLS_MAX = 200
/** What the causes of failures are about: nothing of it is for callers. */
const INSIDE = /disk|space|keystore|SQL|connection|server closed/i

/** An installation that is made to fail, and how to look at what it has stored. */
export interface Stage {
  readonly api: Api<Installation>
  /** The rows of a query, on a connection that does not fail. */
  readonly rows: (sql: string) => Promise<readonly unknown[]>
}

/** All sealed rows and the size of the log: what an operation that fails must leave as it was. */
async function stateOf({ api, rows }: Stage): Promise<string> {
  const tables = [...SEALED.map(({ table }) => table), 'audit_head']
  const stored: unknown[] = []
  for (const table of tables) stored.push(await rows(`SELECT * FROM ${table} ORDER BY id`))
  const leaves = await rows('SELECT count(*) AS n FROM audit_entry')
  const bytesAsText = (_key: string, value: unknown): unknown =>
    value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
  return JSON.stringify([stored, leaves, api.world.store.head().size], bytesAsText)
}

interface Call {
  readonly ask: () => Promise<Answer>
  readonly what: string
}

async function callOf(api: Api<Installation>, operation: Described, place: string): Promise<Call> {
  const { path, body, credential } = await requestOf(operation.id, api.world)
  const options = {
    ...(body === undefined ? {} : { body }),
    ...(credential === undefined ? {} : { credential }),
  }
  return {
    ask: async () => api.call(operation.method, path, options),
    what: `${operation.id}, ${place}`,
  }
}

async function requestOf(
  id: string,
  world: Installation,
): Promise<Sample & { readonly credential?: string }> {
  const sample = await sampleOf(id, world)
  if (id === 'keys.bulk')
    return { path: '/v1/keys:bulk', body: { ...(sample?.body as object), dryRun: false } }
  if (sample !== undefined) return sample
  const { domain, projectId } = world
  await updatePolicy(domain, may('environments:update'), projectId, 'production', { selfRotation: true })
  const { secret } = await aKey(world)
  const body = id === 'self.revoke' ? { reason: 'keyCompromise' } : {}
  return { path: `/v1/${id.replace('.', '/')}`, body, credential: secret.reveal() }
}

/**
 * Lets the operation fail at its first call, its second, and so on, until it passes; answers how often it failed. Nothing
 * may be half done, the failure has a public code and tells nothing of the inside, and the same request works right after.
 */
export async function failEverywhere(
  stage: Stage,
  operation: Described,
  fault: Fault,
  error: () => Error,
  failing: Failing = 'before',
): Promise<number> {
  for (let after = 0; after < CALLS_MAX; after++) {
    const { ask, what } = await callOf(stage.api, operation, `call ${after + 1}`)
    const before = await stateOf(stage)
    fault.arm(after, error, failing)
    const answer = await ask()
    fault.disarm()
    if (!fault.fired) {
      assert.equal(answer.status, operation.status, `${what}: ${answer.text}`)
      return after
    }
    const isDone = answer.status === operation.status
    // Found out: a COMMIT is there whose answer was lost. Or only counts are missing from what is answered.
    if (isDone) assert.ok((await stateOf(stage)) !== before, `${what} says that it is done, and nothing is`)
    else assertRefused(answer, what)
    if (CHUNKED.has(operation.id)) await assertGoesOn(stage, what)
    if (isDone || CHUNKED.has(operation.id)) continue
    assert.ok((await stateOf(stage)) === before, `${what} left something; ${stage.api.world.logLines.at(-1)}`)
    const again = await ask()
    assert.equal(again.status, operation.status, `${what}, again: ${again.text}`)
  }
  throw new Error(`${operation.id} makes more than ${CALLS_MAX} calls`)
}

/** Lets a call with this name fail while the operation runs, one that comes after its COMMIT: it is done all the same. */
export async function failBehind(
  stage: Stage,
  operation: Described,
  fault: Fault,
  error: () => Error,
  failing: Failing,
  name: string,
): Promise<void> {
  // On a busy machine a call that was on its way before the fault was armed may bring what the next one should.
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const { ask, what } = await callOf(stage.api, operation, `${failing} ${name}`)
    fault.arm(0, error, failing, name)
    const answer = await ask()
    fault.disarm()
    assert.equal(answer.status, operation.status, `${what}: ${answer.text}`)
    if (fault.fired) return
  }
  throw new Error(`${operation.id} makes no call ${name}`)
}

/** What was begun in chunks, and failed in one of them, is gone on with to its end by the job. */
async function assertGoesOn({ api, rows }: Stage, what: string): Promise<void> {
  while (await continueBulkOperations(api.world.domain));
  assert.deepEqual(
    await rows("SELECT id FROM bulk_operation WHERE phase NOT IN ('waiting', 'undone', 'done')"),
    [],
    what,
  )
}

function assertRefused(answer: Answer, what: string): void {
  const code = String(answer.json['code']) as ErrorCodeName
  assert.equal(ERROR_CODES[code]?.status, answer.status, `${what}: ${answer.text}`)
  assert.ok(answer.status >= 500, `${what}: ${answer.text}`)
  assert.doesNotMatch(answer.text, INSIDE, `${what}: nothing of the inside is told`)
}
