import type { Pool, PoolClient } from 'pg'
import { setTimeout as sleep } from 'node:timers/promises'
import { DomainError } from '../../errors.ts'
import { gather } from '../gather.ts'
import type { NewLeaf } from '../leaf.ts'
import { Statements } from '../statements.ts'
import { type Ended, flushWrites, type Read, VersionConflict } from '../transaction.ts'
import { kyselyOver, type Queryable } from './driver.ts'
import { isConflict, isRefusal } from './failure.ts'
import { inTransaction } from './session.ts'

/** Bounds what one COMMIT can take along, and so how long the first of a batch waits for the last. */
const BATCH_MAX = 128
/** A batch waits for more until none has come for this long, and never longer than a fraction of what a commit takes. */
const GATHER_QUIET_MS = 0.5
const GATHER_MS_MAX = 2
/** How long it is tried to find out what became of a COMMIT whose answer was lost. */
const RESOLVE_MS_MAX = 10_000
const RESOLVE_PAUSE_MS = 100

/** What a logical transaction writes, with its leaf. */
export interface Prepared extends Pick<Ended, 'writes' | 'reads' | 'segments' | 'requests'> {
  readonly leaf: NewLeaf & { readonly action: string }
}

interface Job extends Prepared {
  readonly done: () => void
  readonly failed: (error: unknown) => void
}

/** Somebody else changed what the work had read; `cause` says how it showed, `ids` what the work wrote. */
export class ConflictError extends Error {
  readonly ids: readonly string[]

  constructor(ids: readonly string[], cause: unknown) {
    super('the database was changed meanwhile', { cause })
    this.ids = ids
  }
}

/**
 * Commits what logical transactions have prepared, many in one database transaction: rows, and their leaves into
 * audit_pending. Nothing waits for a client between its statements longer than IDLE_IN_TRANSACTION_MS_MAX.
 */
export class Committer {
  readonly #service: Pool
  readonly #onCommitted: () => void
  readonly #notifies: () => boolean
  readonly #statements: Statements
  readonly #queue: Job[] = []
  #client: PoolClient | null = null
  #lastBatch = 0
  #isDraining = false

  /** `notifies`: whether another process must be told that leaves wait. `onCommitted` comes after each batch. */
  constructor(service: Pool, notifies: () => boolean, onCommitted: () => void) {
    this.#service = service
    this.#notifies = notifies
    this.#onCommitted = onCommitted
    const current: Queryable = {
      query: async (config) => {
        if (this.#client === null) throw new Error('no transaction is open')
        return this.#client.query(config)
      },
    }
    this.#statements = new Statements(kyselyOver(current))
  }

  /**
   * Resolves when rows and leaf are durable. Rejects with ConflictError when the work has to run again, with DomainError
   * `request.in_progress`, `storage.unavailable` when nothing was changed, `storage.unconfirmed` when that cannot be found out.
   */
  async commit(prepared: Prepared): Promise<void> {
    return new Promise((done, failed) => {
      this.#queue.push({ ...prepared, done, failed })
      if (!this.#isDraining) void this.#drain()
    })
  }

  async #drain(): Promise<void> {
    this.#isDraining = true
    try {
      while (this.#queue.length > 0) {
        await this.#gather()
        const batch = this.#queue.splice(0, BATCH_MAX)
        this.#lastBatch = batch.length
        await this.#commitBatch(batch)
      }
    } finally {
      // In one step with the last look at the queue: whatever is queued from here on starts the next drain.
      this.#isDraining = false
    }
  }

  /** Who is alone does not wait. */
  async #gather(): Promise<void> {
    if (this.#lastBatch < 2) return
    const waiting = (): number => this.#queue.length
    await gather({ waiting, max: BATCH_MAX, quietMs: GATHER_QUIET_MS, maxMs: GATHER_MS_MAX })
  }

  async #commitBatch(batch: readonly Job[]): Promise<void> {
    let xact: string | null = null
    let isCommitting = false
    try {
      await inTransaction(
        this.#service,
        'BEGIN',
        async (client) => {
          this.#client = client
          xact = await this.#write(batch)
        },
        () => {
          isCommitting = true
        },
      )
      this.#succeed(batch)
    } catch (error) {
      if (!isCommitting) await this.#undone(batch, error)
      else if (isRefusal(error)) fail(batch, new DomainError('storage.unavailable', null, { cause: error }))
      else await this.#resolve(batch, xact, error)
    } finally {
      this.#client = null
    }
  }

  /** Writes rows first, so that the leaves of one object get their numbers in the order of its versions. */
  async #write(batch: readonly Job[]): Promise<string | null> {
    await this.#lockReads(batch.flatMap(({ reads }) => reads))
    await flushWrites(this.#statements, {
      writes: batch.flatMap(({ writes }) => writes),
      segments: batch.flatMap(({ segments }) => segments),
      requests: batch.flatMap(({ requests }) => requests),
    })
    const leaves = batch.map(({ leaf }) => leaf)
    const result = await this.#client?.query({
      name: 'add pending',
      text: ADD_PENDING,
      values: [
        leaves.map(({ bytes }) => bytes),
        leaves.map(({ hash }) => hash),
        leaves.map(({ action }) => action),
        leaves.map(({ batch }) => batch),
        this.#notifies(),
      ],
    })
    return (result?.rows as { xact: string }[] | undefined)?.[0]?.xact ?? null
  }

  /** What was read must still hold, and hold until the COMMIT, as if the transactions had run one after the other. */
  async #lockReads(reads: readonly Read[]): Promise<void> {
    const distinct = new Map(reads.map((read) => [`${read.id}:${read.version}`, read]))
    if (distinct.size === 0) return
    const byTable = [...Map.groupBy(distinct.values(), ({ table }) => table)].sort(([a], [b]) =>
      a < b ? -1 : 1,
    )
    const locks = byTable.map(
      ([table], i) =>
        `t${i} AS (SELECT t.id FROM ${table} t JOIN unnest($${2 * i + 1}::text[], $${2 * i + 2}::bigint[]) AS r (id, version)
          ON t.id = r.id AND t.version = r.version ORDER BY t.id FOR SHARE OF t)`,
    )
    const all = byTable.map((_, i) => `SELECT id FROM t${i}`).join(' UNION ALL ')
    const result = await this.#client?.query({
      name: `lock ${byTable.map(([table]) => table).join(' ')}`,
      text: `WITH ${locks.join(', ')} ${all}`,
      values: byTable.flatMap(([, some]) => [some.map(({ id }) => id), some.map(({ version }) => version)]),
    })
    if (result?.rows.length !== distinct.size)
      throw new VersionConflict({ message: 'something that was read has been changed' })
  }

  #succeed(batch: readonly Job[]): void {
    for (const { done } of batch) done()
    this.#onCommitted()
  }

  /** Nothing of the batch is there: the COMMIT was never sent. Who breaks a rule of the database fails alone. */
  async #undone(batch: readonly Job[], error: unknown): Promise<void> {
    const mayRunAgain = isConflict(error) || error instanceof VersionConflict
    const isItsOwn = error instanceof DomainError
    if (batch.length > 1 && (mayRunAgain || isItsOwn || isRefusal(error))) {
      for (const job of batch) await this.#commitBatch([job])
      return
    }
    for (const { failed, writes } of batch) {
      const ids = writes.map(({ row }) => row.id)
      if (isItsOwn) failed(error)
      else if (mayRunAgain) failed(new ConflictError(ids, error))
      else failed(new DomainError('storage.unavailable', null, { cause: error }))
    }
  }

  /** The answer to the COMMIT was lost: the leaves tell whether it happened, once the transaction is over. */
  async #resolve(batch: readonly Job[], xact: string | null, cause: unknown): Promise<void> {
    const overdue = performance.now() + RESOLVE_MS_MAX
    const hash = batch[0]?.leaf.hash
    while (performance.now() < overdue) {
      await sleep(RESOLVE_PAUSE_MS)
      try {
        const { rows } = await this.#service.query<Found>(FIND_COMMIT, [hash, xact])
        if (rows[0]?.found === true) {
          this.#succeed(batch)
          return
        }
        // "committed" without the leaf: it committed after this look began, so the next one sees it.
        const status = rows[0]?.status ?? null
        if (status === 'aborted' || status === null) {
          fail(batch, new DomainError('storage.unavailable', null, { cause }))
          return
        }
      } catch {
        // The server does not answer yet: asked again until overdue.
        continue
      }
    }
    fail(batch, new DomainError('storage.unconfirmed', null, { cause }))
  }
}

interface Found {
  readonly found: boolean
  /** Null for one that is long over. */
  readonly status: 'in progress' | 'committed' | 'aborted' | null
}

function fail(batch: readonly Job[], error: unknown): void {
  for (const { failed } of batch) failed(error)
}

const ADD_PENDING = `
  WITH added AS (
    INSERT INTO audit_pending (leaf, leaf_hash, action, batch)
    SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::text[], $4::bytea[]) RETURNING n
  )
  SELECT pg_current_xact_id()::text AS xact, CASE WHEN $5::boolean THEN pg_notify('keystead', 'pending') END AS told
  FROM added LIMIT 1`

/** Both in one snapshot: a leaf moves from one table to the other in one transaction. */
const FIND_COMMIT = `
  SELECT EXISTS (SELECT FROM audit_pending WHERE leaf_hash = $1::bytea)
      OR EXISTS (SELECT FROM audit_entry WHERE leaf_hash = $1::bytea) AS found,
    pg_xact_status($2::text::xid8) AS status`
