import assert from 'node:assert'
import type { KeyKind } from '@keystead/protocol/api-key'
import type { AuditTarget } from '@keystead/protocol/audit-event'
import type { KeyState } from '@keystead/protocol/lifecycle'
import type { Kysely } from 'kysely'
import type { ApiKey, Installation, Owner, Project, ProjectEnvironment } from './records.ts'
import {
  API_KEY,
  type Codec,
  ENVIRONMENT,
  INSTALLATION,
  OWNER,
  rowOpener,
  type OpenRow,
  PROJECT,
  rowText,
  targetType,
} from './rows.ts'
import type { SealedState } from './sealed-state.ts'
import type { Integrity, RecordedEvent, Transaction } from './store.ts'
import type { Tables } from './tables.ts'

/** What an audit target is made of; only keys have a kind and a state of their own, everything else is active. */
interface Auditable {
  readonly id: string
  readonly version: number
  readonly kind?: KeyKind
  readonly state?: KeyState
}

/**
 * One logical transaction over a connection inside an open database transaction. It gathers what an audit event needs
 * while the work writes; the store makes the leaf of it and commits. After `end` every call throws: a handle that
 * leaked out of its transaction cannot write.
 */
export class OpenTransaction implements Transaction {
  readonly #db: Kysely<Tables>
  readonly #integrity: Integrity
  readonly #state: SealedState
  readonly #openRow: OpenRow
  readonly #targets: AuditTarget[] = []
  readonly #keys: ApiKey[] = []
  #event: RecordedEvent | null = null
  #ended = false

  /** `state` is this transaction's own draft: what it writes is noted there. */
  constructor(db: Kysely<Tables>, integrity: Integrity, state: SealedState) {
    this.#db = db
    this.#integrity = integrity
    this.#state = state
    this.#openRow = rowOpener(integrity.rowMac, (id) => state.versionOf(id))
  }

  /** What was recorded and changed. An assertion failure when an audited object changed without an event (invariant 3). */
  end(): { event: RecordedEvent | null; targets: readonly AuditTarget[]; keys: readonly ApiKey[] } {
    this.#ended = true
    assert(this.#event !== null || this.#targets.length === 0, 'a change without its audit event')
    return { event: this.#event, targets: this.#targets, keys: this.#keys }
  }

  abandon(): void {
    this.#ended = true
  }

  async installation(): Promise<Installation | null> {
    return this.#open(
      INSTALLATION,
      await this.#use().selectFrom('installation').selectAll().executeTakeFirst(),
    )
  }

  async project(id: string): Promise<Project | null> {
    const query = this.#use().selectFrom('project').selectAll().where('id', '=', id)
    return this.#open(PROJECT, await query.executeTakeFirst())
  }

  async onlyProject(): Promise<Project | null> {
    const rows = await this.#use().selectFrom('project').selectAll().limit(2).execute()
    return rows.length === 1 ? this.#open(PROJECT, rows[0]) : null
  }

  async owner(id: string): Promise<Owner | null> {
    const query = this.#use().selectFrom('owner').selectAll().where('id', '=', id)
    return this.#open(OWNER, await query.executeTakeFirst())
  }

  async ownerByExternalId(projectId: string, externalId: string): Promise<Owner | null> {
    const owners = this.#use().selectFrom('owner').selectAll().where('project_id', '=', projectId)
    return this.#open(OWNER, await owners.where('external_id', '=', externalId).executeTakeFirst())
  }

  async key(id: string): Promise<ApiKey | null> {
    const query = this.#use().selectFrom('api_key').selectAll().where('id', '=', id)
    return this.#open(API_KEY, await query.executeTakeFirst())
  }

  async keyByLocator(locator: string): Promise<ApiKey | null> {
    const query = this.#use().selectFrom('api_key').selectAll().where('locator', '=', locator)
    return this.#open(API_KEY, await query.executeTakeFirst())
  }

  async saveInstallation(next: Installation): Promise<void> {
    await this.#use()
      .insertInto('installation')
      .values(this.#seal(INSTALLATION, null, next))
      .execute()
  }

  async saveProject(next: Project): Promise<void> {
    await this.#use()
      .insertInto('project')
      .values(this.#seal(PROJECT, null, next))
      .execute()
  }

  async saveEnvironment(next: ProjectEnvironment): Promise<void> {
    await this.#use()
      .insertInto('environment')
      .values(this.#seal(ENVIRONMENT, null, next))
      .execute()
  }

  async saveOwner(previous: Owner | null, next: Owner): Promise<void> {
    const row = this.#seal(OWNER, previous, next)
    if (previous === null) {
      await this.#use().insertInto('owner').values(row).execute()
      return
    }
    const update = this.#use().updateTable('owner').set(row).where('id', '=', next.id)
    const result = await update.where('version', '=', previous.version).executeTakeFirst()
    assert.equal(result.numUpdatedRows, 1n)
  }

  async saveKey(previous: ApiKey | null, next: ApiKey): Promise<void> {
    const row = this.#seal(API_KEY, previous, next)
    if (previous === null) {
      await this.#use().insertInto('api_key').values(row).execute()
    } else {
      const update = this.#use().updateTable('api_key').set(row).where('id', '=', next.id)
      const result = await update.where('version', '=', previous.version).executeTakeFirst()
      assert.equal(result.numUpdatedRows, 1n)
    }
    this.#keys.push(next)
  }

  record(event: RecordedEvent): void {
    assert(!this.#ended && this.#event === null, 'one transaction records one event')
    this.#event = event
  }

  #use(): Kysely<Tables> {
    assert(!this.#ended, 'a transaction handle was used after its end')
    return this.#db
  }

  #open<Row extends { mac: string; id: string; version: number }, Record>(
    codec: Codec<Row, Record>,
    row: Row | undefined,
  ): Record | null {
    return row === undefined ? null : this.#openRow(codec, row)
  }

  /** Makes the row with its MAC, and the audit target with its commitment: nothing is written that is not logged. */
  #seal<Row extends { mac: string }, Record extends Auditable>(
    codec: Codec<Row, Record>,
    previous: Record | null,
    next: Record,
  ): Omit<Row, 'mac'> & { mac: string } {
    assert.equal(next.version, (previous?.version ?? 0) + 1)
    const row = codec.toRow(next)
    const text = rowText(codec, row)
    const target = { type: targetType(codec.table, next), id: next.id, version: next.version }
    this.#targets.push({
      ...target,
      state: [previous === null ? null : (previous.state ?? 'active'), next.state ?? 'active'],
      commitment: this.#integrity.commitment(target, text),
    })
    const mac = this.#integrity.rowMac(text)
    this.#state.replace(
      next.id,
      next.version,
      previous === null ? 0n : this.#tagOf(codec, previous),
      this.#integrity.rowTag(mac),
    )
    return { ...row, mac }
  }

  #tagOf<Row extends { mac: string }, Record>(codec: Codec<Row, Record>, record: Record): bigint {
    return this.#integrity.rowTag(this.#integrity.rowMac(rowText(codec, codec.toRow(record))))
  }
}
