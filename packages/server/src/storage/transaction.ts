import assert, { AssertionError } from 'node:assert'
import type { Environment, KeyKind } from '@keystead/protocol/api-key'
import type { AuditTarget } from '@keystead/protocol/audit-event'
import type { KeyState } from '@keystead/protocol/lifecycle'
import type { Kysely } from 'kysely'
import { DomainError } from '../errors.ts'
import { BULK_CHUNK, BULK_OPERATION } from './bulk-rows.ts'
import { noChanges, noteChange } from './changes.ts'
import { addDoneRequests, doneRequestRow } from './done-requests.ts'
import { IMPORT_SOURCE } from './import-rows.ts'
import type { CommittedRecords } from './committed-records.ts'
import type {
  ApiKey,
  BulkChunk,
  BulkOperation,
  ImportSource,
  Installation,
  Owner,
  Project,
  ProjectEnvironment,
  Role,
  UseEmitter,
  UseSegment,
} from './records.ts'
import {
  API_KEY,
  type Codec,
  ENVIRONMENT,
  INSTALLATION,
  OWNER,
  PROJECT,
  ROLE,
  rowText,
  type SealedTable,
  type StoredRow,
  targetType,
  wrongWith,
} from './rows.ts'
import type { RowVersions } from './row-versions.ts'
import type { Statements } from './statements.ts'
import type { Changes, Integrity, Provenance, RecordedEvent, RefusedRow, Transaction } from './store.ts'
import type { DoneRequestTable, Tables } from './tables.ts'
import { segmentRow, USE_EMITTER } from './use-rows.ts'

/** Few, and read again and again. */
const KEPT: ReadonlySet<SealedTable> = new Set([
  'installation',
  'project',
  'environment',
  'owner',
  'role',
  'import_source',
])

/** What an audit target is made of; what has no state of its own is active. */
interface Auditable {
  readonly id: string
  readonly version: number
  readonly kind?: KeyKind
  readonly state?: KeyState
}

/** One object's next state: the record, its row with MAC, and the version that must be stored now; null when new. */
export interface Write {
  readonly table: SealedTable
  readonly record: unknown
  readonly row: StoredRow
  readonly previousVersion: number | null
}

/** What a transaction does about a row that is not what was committed last: the error that it throws. */
export type Refuse = (refused: RefusedRow, row: StoredRow) => Error

/** What a transaction leaves behind when its work has ended. */
export interface Ended {
  readonly event: RecordedEvent | null
  readonly targets: readonly AuditTarget[]
  readonly changes: Changes
  readonly writes: readonly Write[]
  readonly segments: readonly UseSegment[]
  readonly requests: readonly DoneRequestTable[]
  /** What else it has read, and in which version: where others write at the same time, that must still hold. */
  readonly reads: readonly Read[]
}

/** One object that was read. */
export interface Read {
  readonly table: SealedTable
  readonly id: string
  readonly version: number
}

/**
 * One logical transaction. It reads at once and keeps its writes until its work has ended, so that the database can
 * take them in few statements (flushWrites). It gathers what an audit event needs meanwhile; the store makes the leaf of
 * it and commits. After `end` every call throws: a handle that leaked out of its transaction cannot write.
 */
export class OpenTransaction implements Transaction {
  readonly #statements: Statements
  readonly #integrity: Integrity
  readonly #versions: RowVersions
  readonly #records: CommittedRecords
  readonly #refuse: Refuse
  readonly #targets: AuditTarget[] = []
  readonly #changes = noChanges()
  readonly #writes = new Map<string, Write>()
  readonly #reads = new Map<string, Read>()
  readonly #segments: UseSegment[] = []
  #event: RecordedEvent | null = null
  #ended = false

  /** `versions` is this transaction's own draft: what it writes is noted there. */
  constructor(
    statements: Statements,
    integrity: Integrity,
    versions: RowVersions,
    records: CommittedRecords,
    refuse: Refuse,
  ) {
    this.#records = records
    this.#statements = statements
    this.#integrity = integrity
    this.#versions = versions
    this.#refuse = refuse
  }

  /**
   * What was recorded and changed. An assertion failure when an audited object changed without an event (invariant 3);
   * `request.precondition_failed` unless the first object that was there had the version that `provenance` expects.
   */
  end({ expectedVersion, mark }: Pick<Provenance, 'expectedVersion' | 'mark'>): Ended {
    this.#ended = true
    if (expectedVersion !== undefined) this.#requireVersion(expectedVersion)
    const isChange = this.#targets.length > 0 || this.#segments.length > 0
    assert(this.#event !== null || !isChange, 'a change without its audit event')
    return {
      event: this.#event,
      targets: this.#targets,
      changes: this.#changes,
      writes: [...this.#writes.values()],
      segments: this.#segments,
      requests:
        mark === undefined || this.#event === null
          ? []
          : [doneRequestRow({ ...mark, targets: this.#targets }, this.#integrity.rowMac)],
      reads: [...this.#reads.values()].filter(({ id }) => !this.#writes.has(id)),
    }
  }

  #requireVersion(expected: number): void {
    const changed = [...this.#writes.values()].find(({ previousVersion }) => previousVersion !== null)
    if (changed?.previousVersion !== expected) throw new DomainError('request.precondition_failed')
  }

  abandon(): void {
    this.#ended = true
  }

  async installation(): Promise<Installation | null> {
    const written = this.#written<Installation>('installation', () => true)
    if (written !== null) return written
    const build = (db: Kysely<Tables>) => db.selectFrom('installation').selectAll()
    return this.#open(INSTALLATION, await this.#use().run('installation', build, []))
  }

  async project(id: string): Promise<Project | null> {
    return this.#byId(PROJECT, id)
  }

  async onlyProject(): Promise<Project | null> {
    const id = this.#versions.onlyProject()
    return id === null ? null : this.#byId(PROJECT, id)
  }

  async owner(id: string): Promise<Owner | null> {
    return this.#byId(OWNER, id)
  }

  async ownerByExternalId(projectId: string, externalId: string): Promise<Owner | null> {
    const isWanted = (owner: Owner): boolean =>
      owner.projectId === projectId && owner.externalId === externalId
    const written = this.#written('owner', isWanted)
    if (written !== null) return written
    const build = (db: Kysely<Tables>) =>
      db.selectFrom('owner').selectAll().where('project_id', '=', '').where('external_id', '=', '')
    return this.#open(OWNER, await this.#use().run('owner by external id', build, [projectId, externalId]))
  }

  async role(id: string): Promise<Role | null> {
    return this.#byId(ROLE, id)
  }

  async roleByName(projectId: string, name: string): Promise<Role | null> {
    const written = this.#written<Role>('role', (role) => role.projectId === projectId && role.name === name)
    if (written !== null) return written
    const build = (db: Kysely<Tables>) =>
      db.selectFrom('role').selectAll().where('project_id', '=', '').where('name', '=', '')
    return this.#open(ROLE, await this.#use().run('role by name', build, [projectId, name]))
  }

  async key(id: string): Promise<ApiKey | null> {
    return this.#byId(API_KEY, id)
  }

  async ownersByExternalIds(projectId: string, externalIds: readonly string[]): Promise<readonly Owner[]> {
    if (externalIds.length === 0) return []
    const build = (db: Kysely<Tables>) =>
      db.selectFrom('owner').selectAll().where('project_id', '=', '').where('external_id', 'in', externalIds)
    const name = `${externalIds.length} owners by external ids`
    return this.#openAll(OWNER, await this.#use().run(name, build, [projectId, ...externalIds]))
  }

  async keysByImportRefs(refs: readonly string[]): Promise<readonly ApiKey[]> {
    if (refs.length === 0) return []
    const build = (db: Kysely<Tables>) => db.selectFrom('api_key').selectAll().where('import_ref', 'in', refs)
    return this.#openAll(API_KEY, await this.#use().run(`${refs.length} keys by import refs`, build, refs))
  }

  async importSource(id: string): Promise<ImportSource | null> {
    return this.#byId(IMPORT_SOURCE, id)
  }

  async importSourcesOf(projectId: string, environment: Environment): Promise<readonly ImportSource[]> {
    const build = (db: Kysely<Tables>) =>
      db.selectFrom('import_source').selectAll().where('project_id', '=', '').where('environment', '=', '')
    const found = await this.#use().run('import sources of', build, [projectId, environment])
    return this.#openAll(IMPORT_SOURCE, found)
  }

  async bulkOperation(id: string): Promise<BulkOperation | null> {
    return this.#byId(BULK_OPERATION, id)
  }

  async useEmitter(id: string): Promise<UseEmitter | null> {
    return this.#byId(USE_EMITTER, id)
  }

  async saveInstallation(previous: Installation | null, next: Installation): Promise<void> {
    this.#save(INSTALLATION, previous, next)
  }

  async saveProject(next: Project): Promise<void> {
    this.#save(PROJECT, null, next)
  }

  async environment(projectId: string, environment: Environment): Promise<ProjectEnvironment | null> {
    const isWanted = (each: ProjectEnvironment): boolean =>
      each.projectId === projectId && each.environment === environment
    const written = this.#written('environment', isWanted)
    if (written !== null) return written
    const build = (db: Kysely<Tables>) =>
      db.selectFrom('environment').selectAll().where('project_id', '=', '').where('environment', '=', '')
    return this.#open(ENVIRONMENT, await this.#use().run('environment', build, [projectId, environment]))
  }

  async saveEnvironment(previous: ProjectEnvironment | null, next: ProjectEnvironment): Promise<void> {
    this.#save(ENVIRONMENT, previous, next)
  }

  async saveOwner(previous: Owner | null, next: Owner): Promise<void> {
    this.#save(OWNER, previous, next)
  }

  async saveRole(previous: Role | null, next: Role): Promise<void> {
    this.#save(ROLE, previous, next)
  }

  async saveKey(previous: ApiKey | null, next: ApiKey): Promise<void> {
    this.#save(API_KEY, previous, next)
  }

  async saveImportSource(next: ImportSource): Promise<void> {
    this.#save(IMPORT_SOURCE, null, next)
  }

  async saveBulkOperation(previous: BulkOperation | null, next: BulkOperation): Promise<void> {
    this.#save(BULK_OPERATION, previous, next)
  }

  async saveBulkChunk(next: BulkChunk): Promise<void> {
    this.#save(BULK_CHUNK, null, next)
  }

  async saveUseEmitter(previous: UseEmitter | null, next: UseEmitter): Promise<void> {
    this.#save(USE_EMITTER, previous, next)
  }

  async saveUseSegment(next: UseSegment): Promise<void> {
    assert(!this.#ended, 'a transaction handle was used after its end')
    this.#segments.push(next)
  }

  record(event: RecordedEvent): void {
    assert(!this.#ended && this.#event === null, 'one transaction records one event')
    this.#event = event
  }

  #use(): Statements {
    assert(!this.#ended, 'a transaction handle was used after its end')
    return this.#statements
  }

  /** What this transaction itself has written of a table. */
  #written<Record>(table: SealedTable, isWanted: (record: Record) => boolean): Record | null {
    for (const write of this.#writes.values())
      if (write.table === table && isWanted(write.record as Record)) return write.record as Record
    return null
  }

  async #byId<Row extends StoredRow, Record>(codec: Codec<Row, Record>, id: string): Promise<Record | null> {
    const statements = this.#use()
    const written = this.#writes.get(id)
    if (written?.table === codec.table) return written.record as Record
    const version = this.#versions.versionOf(id)
    const known = version === undefined ? undefined : this.#records.find(id, version)
    if (known !== undefined && version !== undefined) {
      this.#reads.set(id, { table: codec.table, id, version })
      return known as Record
    }
    const build = (db: Kysely<Tables>) => db.selectFrom(codec.table).selectAll().where('id', '=', '')
    const { rows } = await statements.run(`${codec.table} by id`, build, [id])
    const record = this.#open(codec, { rows: rows as unknown as readonly Row[] }, id)
    if (record !== null && version !== undefined && KEPT.has(codec.table))
      this.#records.keep(id, version, record)
    return record
  }

  #openAll<Row extends StoredRow, Record>(
    codec: Codec<Row, Record>,
    { rows }: { readonly rows: readonly Row[] },
  ): readonly Record[] {
    return rows.flatMap((row) => this.#open(codec, { rows: [row] }) ?? [])
  }

  #open<Row extends StoredRow, Record>(
    codec: Codec<Row, Record>,
    { rows: [row] }: { readonly rows: readonly Row[] },
    id?: string,
  ): Record | null {
    if (row === undefined) return null
    const known = this.#versions.versionOf(row.id)
    const what = wrongWith(codec, row, id ?? row.id, this.#integrity.rowMac, known)
    if (what === null) {
      this.#reads.set(row.id, { table: codec.table, id: row.id, version: row.version })
      return codec.fromRow(row)
    }
    throw this.#refuse({ table: codec.table, id: id ?? row.id, what }, row)
  }

  /** Makes the row with its MAC, and the audit target with its commitment: nothing is written that is not logged. */
  #save<Row extends StoredRow, Record extends Auditable>(
    codec: Codec<Row, Record>,
    previous: Record | null,
    next: Record,
  ): void {
    assert(!this.#ended, 'a transaction handle was used after its end')
    assert(!this.#writes.has(next.id), 'an object is saved once in a transaction')
    assert.equal(next.version, (previous?.version ?? 0) + 1)
    const row = codec.toRow(next)
    const text = rowText(codec, row)
    const target = { type: targetType(codec.table, next), id: next.id, version: next.version }
    this.#targets.push({
      ...target,
      state: [previous === null ? null : (previous.state ?? 'active'), next.state ?? 'active'],
      commitment: this.#integrity.commitment(target, text),
    })
    this.#versions.note(next.id, next.version)
    noteChange(this.#changes, codec, next)
    this.#writes.set(next.id, {
      table: codec.table,
      record: next,
      row: { ...row, mac: this.#integrity.rowMac(text) },
      previousVersion: previous?.version ?? null,
    })
  }
}

/**
 * Writes what transactions have gathered: new rows of one table together, in the order in which tables were first
 * written, then the changed ones. VersionConflict when a changed row has not the version it was read with.
 */
export async function flushWrites(
  statements: Statements,
  { writes, segments, requests }: Pick<Ended, 'writes' | 'segments' | 'requests'>,
): Promise<void> {
  await addDoneRequests(statements, requests)
  const added = new Map<SealedTable, StoredRow[]>()
  for (const { table, row, previousVersion } of writes) {
    if (previousVersion !== null) continue
    const rows = added.get(table)
    if (rows === undefined) added.set(table, [row])
    else rows.push(row)
  }
  for (const [table, rows] of added) await statements.insert(table, rows as never)
  for (const segment of segments) await statements.insert('use_segment', [segmentRow(segment)])
  for (const { table, row, previousVersion } of writes)
    if (previousVersion !== null && !(await statements.update(table, row, previousVersion)))
      throw new VersionConflict({ message: `${row.id} is not of version ${previousVersion} any more` })
}

/** A row was changed by somebody else after it had been read: a bug where there is one writer, and to be run again else. */
export class VersionConflict extends AssertionError {}
