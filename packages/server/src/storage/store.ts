import type { Environment } from '@keystead/protocol/api-key'
import type { AuditAction } from '@keystead/protocol/audit-actions'
import type { AuditActor, AuditEvent, AuditTarget } from '@keystead/protocol/audit-event'
import type { StateLine } from '@keystead/protocol/audit-state'
import type { KeyState } from '@keystead/protocol/lifecycle'
import type { Part, Parts } from '../compact/part.ts'
import type { BootId, KeyId, OwnerId, ProjectId, RoleId } from '../ids.ts'
import type {
  AddressUse,
  ApiKey,
  AuditEntry,
  BulkChunk,
  BulkOperation,
  DoneRequest,
  ImportSource,
  Installation,
  JobCursor,
  KeyUse,
  Owner,
  Page,
  Project,
  ProjectEnvironment,
  RequestMark,
  Role,
  SignedCheckpoint,
  UseCount,
  UseEmitter,
  UsePeriod,
  UseRollUp,
  UseSegment,
} from './records.ts'

/**
 * The port to the database. One contract suite (contract.ts) runs on every adapter.
 *
 * Reads see committed state only. Every row that a decision depends on is checked against its MAC as it is read:
 * DomainError `storage.integrity` when it does not hold (T-05).
 */
export interface Store {
  readonly reader: Reader
  /**
   * Runs `work` as one durable transaction and answers after it is on disk. It refuses to commit unless `work`
   * recorded exactly one audit event when it changed an audited object. In `work` nothing but the transaction may be
   * awaited, and it may run again when somebody else changed what it read. When `work` throws, nothing of it remains.
   * DomainError `request.in_progress` when a request with the same mark came first, `storage.unavailable` when the database refuses; `storage.unconfirmed` when it cannot be found out in
   * time whether it did.
   */
  transact<T>(provenance: Provenance, work: (tx: Transaction) => Promise<T>): Promise<Committed<T>>
  /**
   * The segments whose records are being added up, at most `limit` of those that wait if none are; null when none do. They
   * stay the same until the last of their sums has been added.
   */
  claimUses(limit: number): Promise<UseRollUp | null>
  /**
   * Adds the next sums of a roll-up to the counts, all in one transaction with how far it has come, so that each is added
   * once whatever happens in between. False, and nothing added, when somebody else has gone on with it. Durable, but
   * neither audited nor decisive.
   */
  addUses(rollUp: UseRollUp, sums: UseSums): Promise<boolean>
  /** Deletes segments that are in the counts, or counts of a period, that end before a time; at most `limit`: how many. */
  forgetUses(what: 'segments' | UsePeriod, before: number, limit: number): Promise<number>
  /** Deletes done requests from before a time, at most `limit`: how many. */
  forgetDoneRequests(before: number, limit: number): Promise<number>
  /** Adds to what is known of the addresses that use a key while it has two accepted versions. */
  addAddressUses(uses: readonly AddressUse[]): Promise<void>
  /** Moves a job's cursor. */
  saveCursor(name: string, cursor: JobCursor): Promise<void>
  /** Keeps a signed checkpoint; the same one again changes nothing. */
  saveCheckpoint(checkpoint: SignedCheckpoint): Promise<void>
  /** Calls back after each commit, in the order of positions, before anybody is told that the change is done. */
  onCommitted(listener: (changes: Changes, size: number) => void): void
  /** Calls back for each row that was found changed outside Keystead, those that the start found included (T-05). */
  onRefused(listener: (row: RefusedRow) => void): void
  /**
   * Reads everything again, in slices that let others run: each row must be what was committed last, each leaf and node
   * what the tree in memory was made of. Rows are reported as onRefused does; answers with what was seen.
   */
  sweep(): Promise<Sweep>
  /**
   * Whether this process does what one of them does: sign, run schedules. With several processes on one database it may
   * have stopped being so a moment ago: what it does as the leader must bear being done twice.
   */
  isLeader(): boolean
  /**
   * All sealed rows as they are at one moment, and the log as it was then. The caller closes it soon: what is deleted or
   * changed meanwhile is kept for it. DomainError `storage.unavailable` when no such moment came in time.
   */
  snapshot(): Promise<Snapshot>
  /** Milliseconds since everything committed until then had been followed; 0 where nobody else writes. */
  ageMs(): number
  /**
   * As sweep, and folds the whole log from its first leaf, comparing each row with what was logged. Holds about 200 bytes
   * for each object meanwhile. One at a time: a call during another one gets its result.
   */
  check(): Promise<Check>
  /**
   * What a later start may go on from instead of the first leaf: it belongs to exactly what onCommitted has told so far.
   * Nothing else is captured until `release`. Null when just now there is no such moment.
   */
  capture(): { readonly parts: readonly Part[]; readonly release: () => void } | null
  /** The tree over everything committed. */
  head(): { readonly size: number; readonly root: Uint8Array }
  /** Refuses mutations from now on: DomainError `audit.halted` for each. */
  halt(why: string): void
  /** Why mutations are refused, or null. */
  halted(): string | null
  /** Lets running transactions end, then closes. */
  close(): Promise<void>
}

/**
 * What an earlier run captured, its MAC checked, for a start to go on from. `decided` gets null when it does, before any
 * record is handed on, and otherwise why not, in half a sentence: then everything is read.
 */
export interface Resume {
  readonly parts: Parts
  readonly decided: (why: string | null) => void
}

/** A row that is not what was committed: it is refused wherever it is met. `what` is half a sentence, without values. */
export interface RefusedRow {
  readonly table: string
  readonly id: string
  readonly what: string
}

export interface Sweep {
  readonly rows: number
  readonly leaves: number
  readonly refused: readonly RefusedRow[]
}

/** The sealed rows at one moment; NOT checked against MAC or log, since that is for whoever gets them (T-34). */
export interface Snapshot {
  readonly head: { readonly size: number; readonly root: Uint8Array }
  /** The next at most `limit` rows after a mark, from the beginning for null; no mark to go on from at the end. */
  rows(
    after: SnapshotMark | null,
    limit: number,
  ): Promise<{ readonly lines: readonly StateLine[]; readonly next: SnapshotMark | null }>
  close(): Promise<void>
}

/** Where a walk through a snapshot stands: after this id in this table; null: before its first row. */
export interface SnapshotMark {
  readonly table: number
  readonly id: string | null
}

export interface Check extends Sweep {
  /** Why the log is not what this installation wrote, in half a sentence, or null. */
  readonly logProblem: string | null
}

/** Who does it, and in which request; both end in the audit event. */
export interface Provenance {
  readonly actor: AuditActor
  readonly request: AuditEvent['request']
  /** The version that the object which is changed must have now; left out: any. */
  readonly expectedVersion?: number
  /** By what a repetition of the request is known again: kept with what was changed, or not at all. */
  readonly mark?: RequestMark
}

export interface Committed<T> {
  readonly value: T
  /** The audit event's position in the tree; null when nothing was recorded. */
  readonly position: number | null
}

/** What a commit, or the start, brings to whoever keeps records in memory: each object as it is now. */
export interface Changes {
  readonly keys: readonly ApiKey[]
  readonly owners: readonly Owner[]
  readonly roles: readonly Role[]
  readonly importSources: readonly ImportSource[]
  /** Ids of objects that have changed and whose rows are not what the log says: what is known of them no longer holds. */
  readonly withdrawn: readonly string[]
}

/** A part of what segments add up to, in an order that is the same each time. */
export interface UseSums {
  readonly uses: readonly KeyUse[]
  readonly counts: readonly UseCount[]
  /** Nothing comes after it: the segments are in the counts. */
  readonly isLast: boolean
}

/** Which counts. Times are epoch milliseconds; `to` is excluded. */
/** `startAts` are the beginnings of the periods; each costs a look-up. */
export interface UseCountFilter {
  readonly subject: string
  readonly environment: Environment | null
  readonly period: UsePeriod
  readonly startAts: readonly number[]
}

/** Where a key belongs. */
export interface KeyPlace {
  readonly keyId: KeyId
  readonly projectId: ProjectId | null
  readonly environment: Environment | null
  readonly ownerId: OwnerId | null
}

export interface PageRequest {
  readonly limit: number
  readonly cursor: string | null
}

export interface KeyFilter {
  readonly kind: 'root' | 'issued'
  readonly projectId: ProjectId | null
  readonly environment: Environment | null
  readonly ownerId: OwnerId | null
  readonly roleId: RoleId | null
  readonly state: KeyState | 'expired' | null
  /** Epoch milliseconds at which states that depend on time are judged. */
  readonly now: number
}

/** Which issued keys a walk meets; null: any. Times are epoch milliseconds, the bounds included. */
export interface KeySelection {
  readonly projectId: ProjectId
  readonly environment: Environment | null
  readonly ownerIds: readonly string[] | null
  readonly ids: readonly string[] | null
  readonly createdFrom: number | null
  readonly createdUntil: number
}

/** One step of a walk over keys. */
export interface KeyStep {
  readonly keys: readonly ApiKey[]
  /** How many rows were not what was committed last, and are left out. */
  readonly refused: number
  /** The id to go on after; null at the end. */
  readonly cursor: string | null
}

/** Single objects and pages; no method writes. Absent objects are null. */
export interface Reader {
  installation(): Promise<Installation | null>
  project(id: string): Promise<Project | null>
  projects(only: ProjectId | null, page: PageRequest): Promise<Page<Project>>
  environments(projectId: ProjectId): Promise<readonly ProjectEnvironment[]>
  environment(projectId: string, environment: Environment): Promise<ProjectEnvironment | null>
  /** Every environment of every project. */
  allEnvironments(page: PageRequest): Promise<Page<ProjectEnvironment>>
  owner(id: string): Promise<Owner | null>
  owners(
    filter: { projectId: ProjectId | null; externalId: string | null },
    page: PageRequest,
  ): Promise<Page<Owner>>
  role(id: string): Promise<Role | null>
  roles(projectId: ProjectId | null, page: PageRequest): Promise<Page<Role>>
  importSource(id: string): Promise<ImportSource | null>
  importSources(projectId: ProjectId | null, page: PageRequest): Promise<Page<ImportSource>>
  key(id: string): Promise<ApiKey | null>
  /** Looks at a bounded number of rows: a page may hold fewer items than its limit, even none, before the last one. */
  keys(filter: KeyFilter, page: PageRequest): Promise<Page<ApiKey>>
  /**
   * Keys of an environment that are neither final nor expired at `now`, whose current version was made at most at
   * `until`, in the order of that moment and then of ids, after the cursor. At most `limit`.
   */
  keysByAge(
    where: ProjectEnvironment,
    span: { readonly after: JobCursor; readonly until: number; readonly now: number },
    limit: number,
  ): Promise<readonly ApiKey[]>
  /** Such keys, by id, that were made before `since` and that nobody has used from then on. */
  keysUnused(
    where: ProjectEnvironment,
    span: { readonly afterId: string; readonly since: number; readonly now: number },
    limit: number,
  ): Promise<readonly ApiKey[]>
  /** Keys with a version beside the current one that is accepted at `now`, by id. */
  keysInOverlap(now: number, afterId: string, limit: number): Promise<readonly ApiKey[]>
  addressUses(keyId: string): Promise<readonly AddressUse[]>
  /** What a request with this mark has done; null for none. */
  doneRequest(id: string): Promise<DoneRequest | null>
  jobCursor(name: string): Promise<JobCursor | null>
  /** Keys whose destruction is due at `now`, at most `limit`. */
  keysToDestroy(now: number, limit: number): Promise<readonly ApiKey[]>
  uses(keyIds: readonly KeyId[]): Promise<readonly KeyUse[]>
  /** By beginning, environment and code. */
  useCounts(filter: UseCountFilter): Promise<readonly UseCount[]>
  useEmitter(id: string): Promise<UseEmitter | null>
  useEmitters(page: PageRequest): Promise<Page<UseEmitter>>
  /** The last `limit` that began until then, oldest first. */
  useEmittersUntil(to: number, limit: number): Promise<readonly UseEmitter[]>
  /** NOT checked: that the records are those that the log names. */
  useSegment(boot: BootId, batchNumber: number): Promise<UseSegment | null>
  /** Segments that may hold a use of this time, the earliest first. */
  useSegmentsBetween(from: number, to: number, limit: number): Promise<readonly UseSegmentHead[]>
  /** Segments with dropped uses that have something of a time. */
  useSegmentsDropped(from: number, to: number, limit: number): Promise<readonly UseSegmentHead[]>
  /** How many records wait to be added up, and when the last one of the oldest segment was made; null where none waits. */
  usesWaiting(): Promise<{ readonly records: number; readonly oldestAt: number | null }>
  /** Where keys belong, for counts; NOT checked against their MAC. */
  keyPlaces(keyIds: readonly KeyId[]): Promise<readonly KeyPlace[]>
  /** The next keys by id. Reads at most `limit` rows; one that is refused does not end the walk. */
  selectKeys(selection: KeySelection, after: string | null, limit: number): Promise<KeyStep>
  bulkOperation(id: string): Promise<BulkOperation | null>
  bulkOperations(
    filter: { projectId: ProjectId | null; environment: Environment | null },
    page: PageRequest,
  ): Promise<Page<BulkOperation>>
  /** Operations that have something to do at `now` (epoch ms), oldest first; refused rows are left out. */
  dueBulkOperations(now: number, limit: number): Promise<readonly BulkOperation[]>
  /** The operation's chunk with this number, or null. */
  bulkChunk(operationId: string, number: number): Promise<BulkChunk | null>
  auditEntries(from: number, count: number): Promise<readonly AuditEntry[]>
  /** The batch of the leaf at this position: what it changed beyond what it names itself; null when it has none. */
  auditBatch(position: number): Promise<Uint8Array | null>
  auditPositions(
    filter: { targetId: string | null; action: string | null },
    after: number,
    limit: number,
  ): Promise<readonly number[]>
  /**
   * Leaves with one of these actions that this actor caused and this installation wrote, at positions in [from, below),
   * found among at most `limit`; and the position to go on from, null at the end.
   */
  auditEntriesBy(
    actorId: string,
    actions: readonly AuditAction[],
    range: { from: number; below: number },
    limit: number,
  ): Promise<{ readonly entries: readonly AuditEntry[]; readonly next: number | null }>
  /** All that a leaf of ours changed; `storage.integrity` when its batch is not the one that it names. */
  auditTargets(entry: AuditEntry): Promise<readonly AuditTarget[]>
  /** The position of the newest leaf, or null. */
  lastPosition(): Promise<number | null>
  /** A complete subtree of the tree: level 0 is a leaf hash. Null when it is not (yet) complete. */
  auditNode(level: number, index: number): Promise<Uint8Array | null>
  auditNodes(level: number, from: number, count: number): Promise<readonly Uint8Array[]>
  lastCheckpoint(): Promise<SignedCheckpoint | null>
  /** The smallest checkpoint that covers `size` leaves, or null. */
  checkpointCovering(size: number): Promise<SignedCheckpoint | null>
}

/**
 * Reads inside the transaction, which see its own writes, and the writes. `save` methods store the next state of an
 * object, each object once; they reach the database when the work has ended.
 */
export interface Transaction {
  installation(): Promise<Installation | null>
  project(id: string): Promise<Project | null>
  onlyProject(): Promise<Project | null>
  owner(id: string): Promise<Owner | null>
  ownerByExternalId(projectId: ProjectId, externalId: string): Promise<Owner | null>
  role(id: string): Promise<Role | null>
  roleByName(projectId: ProjectId, name: string): Promise<Role | null>
  key(id: string): Promise<ApiKey | null>
  /** Those of these, at most 1,000, that were there before this transaction. */
  ownersByExternalIds(projectId: ProjectId, externalIds: readonly string[]): Promise<readonly Owner[]>
  /** The keys that were imported with these (Imported.ref), at most 1,000, before this transaction. */
  keysByImportRefs(refs: readonly string[]): Promise<readonly ApiKey[]>
  importSource(id: string): Promise<ImportSource | null>
  importSourcesOf(projectId: ProjectId, environment: Environment): Promise<readonly ImportSource[]>
  bulkOperation(id: string): Promise<BulkOperation | null>
  useEmitter(id: string): Promise<UseEmitter | null>
  /** `next.version` must be one more than what is stored (1 when new): anything else is an assertion failure. */
  saveInstallation(previous: Installation | null, next: Installation): Promise<void>
  saveProject(next: Project): Promise<void>
  environment(projectId: string, environment: Environment): Promise<ProjectEnvironment | null>
  saveEnvironment(previous: ProjectEnvironment | null, next: ProjectEnvironment): Promise<void>
  saveOwner(previous: Owner | null, next: Owner): Promise<void>
  saveRole(previous: Role | null, next: Role): Promise<void>
  saveKey(previous: ApiKey | null, next: ApiKey): Promise<void>
  saveImportSource(next: ImportSource): Promise<void>
  saveBulkOperation(previous: BulkOperation | null, next: BulkOperation): Promise<void>
  saveBulkChunk(next: BulkChunk): Promise<void>
  saveUseEmitter(previous: UseEmitter | null, next: UseEmitter): Promise<void>
  /** A batch's records, bound by the details of the event; not sealed and no target. */
  saveUseSegment(next: UseSegment): Promise<void>
  /** Names what was done. The targets, their versions, states and commitments come from the saves themselves. */
  record(event: RecordedEvent): void
}

export type UseSegmentHead = Omit<UseSegment, 'bytes'>

export interface RecordedEvent {
  readonly action: AuditAction
  readonly projectId: ProjectId | null
  readonly environment: Environment | null
  /** A stable word, never free text. */
  readonly reason?: string | null
  /** What changed, without secrets and without text that a user wrote. */
  readonly details?: Readonly<Record<string, DetailValue>>
}

export type DetailValue = string | number | boolean | null | readonly string[]

/** What the store needs from the keystore and the audit: given to it, so that storage knows neither. */
export interface Integrity {
  /** The MAC that is stored with a row: base64url HMAC (43 characters). */
  readonly rowMac: (text: string) => string
  /** The MAC that is stored with the head of the log: base64url HMAC (43 characters). */
  readonly headMac: (text: string) => string
  /** Whether a leaf carries our MAC: this installation wrote exactly these bytes, some time (T-06). */
  readonly isOurs: (leaf: Uint8Array) => boolean
  /** Salted commitment to a row's text: base64url SHA-256 (43 characters). */
  commitment(target: { type: string; id: string; version: number }, text: string): string
  /** What opens that commitment, together with the text: 32 bytes, base64url. */
  commitmentSalt(target: { type: string; id: string; version: number }): string
  /** The canonical leaf, MAC included. */
  leaf(provenance: Provenance, event: RecordedEvent, targets: readonly AuditTarget[]): Uint8Array
}
