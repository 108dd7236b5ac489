import { type AuditEvent, type AuditTarget, EVENT_BYTES_MAX } from '@keystead/protocol/audit-event'
import { leafHash, type MerkleNode } from '@keystead/protocol/merkle'
import type { Pool } from 'pg'
import { sha256 } from '../../hash.ts'
import { sealHead } from '../head.ts'
import { BATCH_BYTES_MAX, targetsOf } from '../batch.ts'
import { lookUpIds } from '../log-fold.ts'
import type { RowVersions } from '../row-versions.ts'
import type { Integrity, RefusedRow } from '../store.ts'
import type { Follower } from './follower.ts'

/** How long a process may give out positions after its last sign of life, by the clock of the database. */
const LEASE_MS = 2_000
/** Early enough that one renewal may be late. */
const RENEW_AFTER_MS = 700
/** Nobody takes a lease for longer: one that runs further was written by somebody else. */
const LEASE_MS_MAX = 60_000
/** Leaves that get positions in one transaction. */
const APPEND_MAX = 256

export interface Sequencing {
  readonly service: Pool
  readonly integrity: Integrity
  readonly follower: Follower
  /** The name of this process, unlike that of every other one that ever ran. */
  readonly holder: string
  readonly onRefused: (row: RefusedRow) => void
}

interface Candidate {
  readonly n: number
  readonly bytes: Uint8Array
  readonly hash: Uint8Array
  readonly action: string
  readonly batch: Uint8Array | null
  readonly targetIds: readonly string[]
  /** Null for the server itself. */
  readonly actorId: string | null
}

/**
 * Gives positions to leaves that wait, in one process at a time: the one that holds the lease. Each append is a single
 * statement, fenced by the lease and by the size of the log, so that a process that is stopped at any point holds no lock
 * and, when it wakes, changes nothing (T-24).
 */
export class Sequencer {
  readonly #sequencing: Sequencing
  /** When the lease was last renewed, by performance.now(), taken before the database was asked. */
  #renewedAt = Number.NEGATIVE_INFINITY

  constructor(sequencing: Sequencing) {
    this.#sequencing = sequencing
  }

  /** Whether this process surely holds the lease now. */
  isLeader(): boolean {
    return performance.now() - this.#renewedAt < LEASE_MS
  }

  /** Takes or renews the lease if it is time, then appends what waits. Rejects when the database does not answer. */
  async run(): Promise<void> {
    if (performance.now() - this.#renewedAt > RENEW_AFTER_MS) await this.#takeLease()
    while (this.isLeader() && (await this.#appendSome()));
  }

  /** Lets another process take over at once. */
  async release(): Promise<void> {
    const wasLeader = this.isLeader()
    this.#renewedAt = Number.NEGATIVE_INFINITY
    const { service, holder } = this.#sequencing
    if (wasLeader) await service.query(RELEASE, [holder])
  }

  async #takeLease(): Promise<void> {
    const { service, holder, follower } = this.#sequencing
    const before = performance.now()
    const wasLeader = this.isLeader()
    const { rowCount } = await service.query({
      name: 'take lease',
      text: TAKE_LEASE,
      values: [holder, LEASE_MS, LEASE_MS_MAX],
    })
    this.#renewedAt = rowCount === 1 ? before : Number.NEGATIVE_INFINITY
    // What another process has appended until now is in the way otherwise.
    if (rowCount === 1 && !wasLeader) await follower.follow()
  }

  /** True when there may be more. */
  async #appendSome(): Promise<boolean> {
    const { service, integrity, follower } = this.#sequencing
    const { rows } = await service.query<{ n: number; leaf: Uint8Array | null; batch: Uint8Array | null }>({
      name: 'read waiting',
      text: READ_WAITING,
      values: [APPEND_MAX],
    })
    if (rows.length === 0) return false
    const { fold } = follower
    const versions = fold.versions.draft()
    const candidates: Candidate[] = []
    for (const { n, leaf, batch } of rows) {
      const candidate =
        leaf === null ? 'is too large for a leaf' : this.#examine({ n, leaf, batch }, versions, candidates)
      if (typeof candidate === 'string') await this.#setAside(n, candidate)
      else candidates.push(candidate)
    }
    if (candidates.length === 0) return true
    const frontier = fold.frontier.clone()
    const first = frontier.size
    const nodes: MerkleNode[] = candidates.flatMap(({ hash }) => frontier.append(hash))
    const head = sealHead({ size: frontier.size, root: frontier.root() }, integrity.headMac)
    const before = follower.now()
    const { rows: result } = await service.query<{ appended: boolean }>({
      name: 'append',
      text: APPEND,
      values: [
        this.#sequencing.holder,
        LEASE_MS,
        head.size,
        head.root,
        head.mac,
        first,
        ...arraysOf(candidates, first, nodes),
      ],
    })
    if (result[0]?.appended !== true) {
      this.#renewedAt = Number.NEGATIVE_INFINITY
      await follower.follow()
      return false
    }
    this.#renewedAt = before.monotonic
    const entries = candidates.map(({ bytes, hash }, i) => ({ position: first + i, bytes, leafHash: hash }))
    await follower.followWith({ head: { size: frontier.size, root: frontier.root() }, entries }, before)
    return rows.length === APPEND_MAX
  }

  /** Why a leaf must not get a position, or what of it is stored. */
  #examine(
    { n, leaf: bytes, batch }: { n: number; leaf: Uint8Array; batch: Uint8Array | null },
    versions: RowVersions,
    before: readonly Candidate[],
  ): Candidate | string {
    const { integrity, follower } = this.#sequencing
    if (!integrity.isOurs(bytes)) return 'was not written by this server'
    const targets = targetsOf(bytes, batch)
    if (targets === null) return 'has not the batch that it names'
    const hash = leafHash(sha256, bytes)
    for (const { id, version } of targets)
      if (version !== (versions.versionOf(id) ?? 0) + 1) return `does not follow the last change of ${id}`
    const isRepeated = before.some((other) => Buffer.from(other.hash).equals(hash))
    if (targets.length === 0 && (follower.isCopy(hash) || isRepeated)) return 'is a copy of one in the log'
    for (const { id, version } of targets) versions.note(id, version)
    return { n, bytes, hash, batch, ...indexedOf(bytes, targets) }
  }

  async #setAside(n: number, what: string): Promise<void> {
    const { service, onRefused } = this.#sequencing
    await service.query('UPDATE audit_pending SET refused = $2 WHERE n = $1 AND refused IS NULL', [n, what])
    onRefused({ table: 'audit_pending', id: String(n), what })
  }
}

function arraysOf(candidates: readonly Candidate[], first: number, nodes: readonly MerkleNode[]): unknown[] {
  const positions = candidates.map((_, i) => first + i)
  const targets = candidates.flatMap(({ targetIds }, i) =>
    targetIds.map((id) => ({ id, position: first + i })),
  )
  const actors = candidates.flatMap(({ actorId }, i) =>
    actorId === null ? [] : [{ id: actorId, position: first + i }],
  )
  return [
    candidates.map(({ n }) => n),
    positions,
    candidates.map(({ bytes }) => bytes),
    candidates.map(({ hash }) => hash),
    candidates.map(({ action }) => action),
    targets.map(({ id }) => id),
    targets.map(({ position }) => position),
    actors.map(({ id }) => id),
    actors.map(({ position }) => position),
    nodes.map(({ level }) => level),
    nodes.map(({ index }) => index),
    nodes.map(({ hash }) => hash),
    candidates.map(({ batch }) => batch),
  ]
}

/** What a leaf is looked up by. For leaves whose MAC holds. */
function indexedOf(
  leaf: Uint8Array,
  targets: readonly AuditTarget[],
): Pick<Candidate, 'action' | 'actorId' | 'targetIds'> {
  const event = JSON.parse(Buffer.from(leaf).toString('utf8')) as AuditEvent
  const { action, actor, details } = event
  return { action, actorId: actor.id, targetIds: lookUpIds(targets, { action, details: details as never }) }
}

/** Free, ours, or held for longer than anybody may hold it. */
const TAKE_LEASE = `
  UPDATE audit_lease SET holder = $1, until = clock_timestamp() + $2::bigint * interval '1 millisecond'
  WHERE id = 1 AND (holder = $1 OR until < clock_timestamp()
    OR until > clock_timestamp() + $3::bigint * interval '1 millisecond')`

const RELEASE = `UPDATE audit_lease SET until = 'epoch' WHERE id = 1 AND holder = $1`

const READ_WAITING = `
  SELECT n, CASE WHEN octet_length(leaf) <= ${EVENT_BYTES_MAX} THEN leaf END AS leaf,
    CASE WHEN octet_length(batch) <= ${BATCH_BYTES_MAX} THEN batch END AS batch
  FROM audit_pending WHERE refused IS NULL ORDER BY n LIMIT $1`

/** All or nothing: without the lease, or when the log has another size, no row of it is written. */
const APPEND = `
  WITH lease AS (
    UPDATE audit_lease SET until = clock_timestamp() + $2::bigint * interval '1 millisecond'
    WHERE id = 1 AND holder = $1 RETURNING 1
  ), head AS (
    INSERT INTO audit_head (id, size, root, mac)
    SELECT 1, $3, $4, $5 FROM lease WHERE $6::bigint = 0 OR EXISTS (SELECT FROM audit_head)
    ON CONFLICT (id) DO UPDATE SET size = excluded.size, root = excluded.root, mac = excluded.mac
    WHERE audit_head.size = $6::bigint RETURNING 1
  ), taken AS (
    DELETE FROM audit_pending WHERE n = ANY ($7::bigint[]) AND EXISTS (SELECT FROM head)
  ), entries AS (
    INSERT INTO audit_entry (position, leaf, leaf_hash, action, batch)
    SELECT e.* FROM unnest($8::bigint[], $9::bytea[], $10::bytea[], $11::text[], $19::bytea[]) AS e, head
  ), targets AS (
    INSERT INTO audit_target (target_id, position) SELECT t.* FROM unnest($12::text[], $13::bigint[]) AS t, head
  ), actors AS (
    INSERT INTO audit_actor (actor_id, position) SELECT a.* FROM unnest($14::text[], $15::bigint[]) AS a, head
  ), nodes AS (
    INSERT INTO audit_node (level, idx, hash) SELECT n.* FROM unnest($16::bigint[], $17::bigint[], $18::bytea[]) AS n, head
  )
  SELECT EXISTS (SELECT FROM head) AS appended, pg_notify('keystead', 'log')`
