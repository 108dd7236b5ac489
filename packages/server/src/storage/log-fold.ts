import type { AuditTarget } from '@keystead/protocol/audit-event'
import { equalBytes } from '@keystead/protocol/bytes'
import { Frontier, leafHash } from '@keystead/protocol/merkle'
import { sha256 } from '../hash.ts'
import { targetsOf } from './batch.ts'
import type { AuditEntry } from './records.ts'
import type { Integrity, RecordedEvent } from './store.ts'
import { VersionTable } from './version-table.ts'

/** The log is not what this installation wrote; the message names the leaf, in half a sentence. */
export class LogError extends Error {
  override readonly name = 'LogError'
}

/**
 * The log as far as it has been read: its tree, and the version of every object. A leaf is taken in only if it is ours,
 * stands where it belongs, and changes each object from the version before: a leaf that was forged, copied, moved or
 * left out shows (T-06).
 */
export class LogFold {
  readonly frontier: Frontier
  readonly versions: VersionTable
  readonly #isOurs: Integrity['isOurs']

  /** Goes on where `frontier` and `versions` are, which must belong together. */
  constructor(
    isOurs: Integrity['isOurs'],
    frontier: Frontier = new Frontier(sha256),
    versions: VersionTable = new VersionTable(),
  ) {
    this.#isOurs = isOurs
    this.frontier = frontier
    this.versions = versions
  }

  /** The number of leaves taken in. */
  get size(): number {
    return this.frontier.size
  }

  /**
   * Takes in the next leaf, with its batch if it names one, and answers with what it changed. LogError when it is not the
   * one that belongs here.
   */
  add(entry: AuditEntry, batch: Uint8Array | null): readonly AuditTarget[] {
    const position = this.frontier.size
    if (entry.position !== position) throw new LogError(`leaf ${position} is missing`)
    if (!this.#isOurs(entry.bytes)) throw new LogError(`leaf ${position} was not written by this server`)
    const hash = leafHash(sha256, entry.bytes)
    if (!equalBytes(hash, entry.leafHash)) throw new LogError(`the hash of leaf ${position} was changed`)
    const targets = targetsOf(entry.bytes, batch)
    if (targets === null) throw new LogError(`leaf ${position} has not the batch that it names`)
    for (const { id, version } of targets) {
      if (version !== (this.versions.versionOf(id) ?? 0) + 1)
        throw new LogError(`leaf ${position} does not follow the last change of ${id}`)
      this.versions.note(id, version)
    }
    this.frontier.append(hash)
    return targets
  }
}

/** What a leaf can be looked up by: the objects that it changed, and the batch of uses that it names. */
export function lookUpIds(
  targets: readonly Pick<AuditTarget, 'id'>[],
  { action, details }: Pick<RecordedEvent, 'action' | 'details'>,
): readonly string[] {
  const ids = targets.map(({ id }) => id)
  return action === 'use.recorded' ? [...ids, useBatchId(details ?? {})] : ids
}

/** The name that the leaf of a batch of uses is looked up by. */
function useBatchId({ boot, batchNumber }: Readonly<Record<string, unknown>>): string {
  return `${String(boot)}_${String(batchNumber)}`
}
