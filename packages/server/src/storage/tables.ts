/**
 * The tables as Kysely sees them; the DDL is in migrations/. In a sealed table each row ends with a `mac` over all its
 * other columns.
 */
export interface Tables {
  installation: InstallationTable
  project: ProjectTable
  environment: EnvironmentTable
  owner: OwnerTable
  role: RoleTable
  api_key: ApiKeyTable
  import_source: ImportSourceTable
  bulk_operation: BulkOperationTable
  bulk_chunk: BulkChunkTable
  use_emitter: UseEmitterTable
  audit_head: AuditHeadTable
  use_segment: UseSegmentTable
  use_roll_up: UseRollUpTable
  use_count: UseCountTable
  key_use: KeyUseTable
  key_use_address: KeyUseAddressTable
  job_cursor: JobCursorTable
  done_request: DoneRequestTable
  audit_entry: AuditEntryTable
  audit_target: AuditTargetTable
  audit_actor: AuditActorTable
  audit_node: AuditNodeTable
  audit_checkpoint: AuditCheckpointTable
}

/**
 * Every table: `sealed` (rows carry a MAC), or why no decision trusts it. A table that is missing here, or in the
 * database and not here, fails a test.
 */
export const TABLE_TRUST: Readonly<
  Record<keyof Tables | 'schema_migration', 'sealed' | { readonly why: string }>
> = {
  installation: 'sealed',
  project: 'sealed',
  environment: 'sealed',
  owner: 'sealed',
  role: 'sealed',
  api_key: 'sealed',
  import_source: 'sealed',
  bulk_operation: 'sealed',
  bulk_chunk: 'sealed',
  use_emitter: 'sealed',
  audit_head: { why: 'it carries a MAC of its own, over size and root of the log' },
  use_segment: {
    why: 'bound by the leaf of its batch, which names root, hash and count; shown with a proof',
  },
  use_roll_up: { why: 'how far counts are added up; at worst counts shown to people are wrong, as below' },
  use_count: { why: 'counts shown to people; the records that they are made of are bound by the log' },
  key_use: {
    why: 'counts; what is concluded from them can only end a key that policy or an operator lets end (T-29)',
  },
  key_use_address: { why: 'shown to people; nothing is granted or refused by it' },
  job_cursor: {
    why: 'says where a job goes on, what it does is judged from sealed rows; and until when uses were told (T-29)',
  },
  done_request: {
    why: 'each row carries a MAC of its own; a repeated request is answered from it, and never decided',
  },
  audit_entry: { why: 'each leaf carries its own MAC and is bound by the signed tree' },
  audit_target: { why: 'an index for look-ups; what it leads to is checked against the leaf' },
  audit_actor: { why: 'an index for look-ups; what it leads to is checked against the leaf and its MAC' },
  audit_node: { why: 'recomputed from the leaves before a checkpoint is signed' },
  audit_checkpoint: { why: 'each note carries its own signature' },
  schema_migration: {
    why: 'compared with the files of the program at start; a difference refuses the start',
  },
}

interface SealedRow {
  readonly id: string
  readonly version: number
  readonly created_at: number
  readonly mac: string
}

export interface InstallationTable extends SealedRow {
  readonly epoch: number
}

export interface ProjectTable extends SealedRow {
  readonly name: string
}

export interface EnvironmentTable extends SealedRow {
  readonly project_id: string
  readonly environment: string
  /** JSON of an EnvironmentPolicy; null: the default. */
  readonly policy: string | null
}

export interface OwnerTable extends SealedRow {
  readonly project_id: string
  readonly external_id: string
  readonly name: string
  /** JSON object of strings; null: none. */
  readonly metadata: string | null
}

export interface RoleTable extends SealedRow {
  readonly project_id: string
  readonly name: string
  readonly description: string
  /** JSON array of strings. */
  readonly permissions: string
  readonly state: string
}

export interface ApiKeyTable extends SealedRow {
  readonly kind: string
  readonly project_id: string | null
  readonly environment: string | null
  readonly owner_id: string | null
  readonly brand: string
  readonly locator: string
  readonly name: string
  /** JSON array of strings. */
  readonly permissions: string
  /** JSON array of ids; null: none. */
  readonly roles: string | null
  /** JSON array of ranges; null: any address. */
  readonly allowed_addresses: string | null
  readonly state: string
  readonly not_before: number | null
  readonly expires_at: number | null
  readonly revoked_at: number | null
  readonly revocation_reason: string | null
  /** JSON array of [number, digest, createdAt, acceptedUntil]. */
  readonly versions: string
  /** When the current version was made. */
  readonly rotated_at: number
  /** Until when an earlier version is accepted beside it; null: none was, at the last change. */
  readonly overlap_until: number | null
  readonly destroy_at: number | null
  readonly import_source_id: string | null
  readonly import_ref: string | null
  readonly import_hash: string | null
  readonly import_upgraded_in: number | null
}

export interface ImportSourceTable extends SealedRow {
  readonly project_id: string
  readonly environment: string
  readonly name: string
  readonly algorithm: string
  /** JSON of a LookupRule; null: none. */
  readonly lookup: string | null
  readonly hashes: string
  readonly secret: string | null
}

export interface BulkOperationTable extends SealedRow {
  readonly project_id: string
  readonly environment: string | null
  readonly action: string
  /** JSON: which keys. */
  readonly query: string
  /** JSON: what becomes of them. */
  readonly parameters: string
  readonly requested_by: string | null
  readonly phase: string
  readonly as_of: number
  readonly log_size: number
  readonly total: number
  readonly changed: number
  readonly skipped: number
  readonly settled: number
  readonly kept: number
  readonly chunks: number
  readonly position: string | null
  readonly undo_until: number | null
}

export interface BulkChunkTable extends SealedRow {
  readonly operation_id: string
  readonly number: number
  /** JSON array of [key id, version, changed, before]. */
  readonly items: string
}

export interface UseEmitterTable extends SealedRow {
  readonly node: string
  readonly state: string
  readonly last_flush_at: number | null
  readonly closed_at: number | null
  readonly batches: number
  readonly records: number
  readonly dropped: number
}

export interface UseSegmentTable {
  readonly boot: string
  readonly batch_number: number
  readonly from_at: number
  readonly to_at: number
  readonly count: number
  readonly dropped: number
  /** 1 when its records are in the counts. */
  readonly rolled_up: number
  readonly bytes: Uint8Array
}

export interface UseRollUpTable {
  readonly id: number
  /** JSON array of [boot, batch number]. */
  readonly segments: string
  readonly done: number
}

export interface UseCountTable {
  /** The id of a key, owner or project; `-` for texts that proved no key. */
  readonly subject: string
  /** Empty where there is none. */
  readonly environment: string
  readonly period: string
  readonly start_at: number
  readonly code: string
  readonly count: number
}

/** One row: the log as the last commit left it. */
export interface AuditHeadTable {
  readonly id: number
  readonly size: number
  /** base64. */
  readonly root: string
  readonly mac: string
}

export interface KeyUseTable {
  readonly key_id: string
  readonly version_number: number
  readonly code: string
  readonly count: number
  readonly last_at: number
}

export interface KeyUseAddressTable {
  readonly key_id: string
  readonly version_number: number
  readonly address: string
  readonly count: number
  readonly last_at: number
}

export interface DoneRequestTable {
  readonly id: string
  readonly content: string
  readonly at: number
  /** JSON array of pairs of type and id. */
  readonly targets: string
  readonly mac: string
}

export interface JobCursorTable {
  readonly name: string
  readonly at: number
  readonly after: string
}

export interface AuditEntryTable {
  readonly position: number
  readonly leaf: Uint8Array
  readonly leaf_hash: Uint8Array
  readonly action: string
  /** Lines for what the leaf changed beyond what it names itself; null: it names all. */
  readonly batch: Uint8Array | null
}

export interface AuditTargetTable {
  readonly target_id: string
  readonly position: number
}

export interface AuditActorTable {
  readonly actor_id: string
  readonly position: number
}

export interface AuditNodeTable {
  readonly level: number
  readonly idx: number
  readonly hash: Uint8Array
}

export interface AuditCheckpointTable {
  readonly size: number
  readonly note: string
}
