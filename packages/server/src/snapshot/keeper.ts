import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Part } from '../compact/part.ts'
import type { Keyring } from '../keystore/keystore.ts'
import type { Log } from '../log.ts'
import type { Resume, Store } from '../storage/store.ts'
import { INDEX_LAYOUT, type KeyIndex } from '../verify/index.ts'
import { readSnapshot, writeSnapshot } from './file.ts'

const FILE = 'index.snapshot'
/** A start takes about a second for as many changes that the snapshot does not have. */
const CHANGES_MAX = 20_000
/** A store that others write to as well has no moment for a capture while it reads what they have written. */
const TURNS_MAX = 1_000

export interface Kept {
  readonly dataDir: string
  readonly keyring: Pick<Keyring, 'snapshotMac'>
  readonly store: Store
  readonly index: KeyIndex
  readonly log: Log
}

/** Store and index as they were at one moment. */
interface Captured {
  readonly parts: readonly Part[]
  readonly size: number
  readonly keys: number
  readonly taken: number
  readonly release: () => void
}

/**
 * The snapshot in a data folder, for a store to go on from and for `index`, which holds nothing yet, to become. One that
 * cannot be used is said in the log, and everything is read: it is never trusted and never stops a start (T-25).
 */
export function resumeFrom(
  dataDir: string,
  { snapshotMac }: Pick<Keyring, 'snapshotMac'>,
  index: KeyIndex,
  log: Log,
): Resume | null {
  const snapshot = readSnapshot(join(dataDir, FILE), INDEX_LAYOUT, snapshotMac)
  const decided = (why: string | null, parts: Resume['parts']): void => {
    if (why === null) index.restore(parts)
    log('info', why === null ? 'snapshot.used' : 'snapshot.not_used', { reason: why, keys: index.size })
  }
  if ('parts' in snapshot) return { parts: snapshot.parts, decided: (why) => decided(why, snapshot.parts) }
  decided(snapshot.why, new Map())
  return null
}

/**
 * Keeps a snapshot of what this process has in memory, so that the next start need not read everything. Written while
 * verification goes on; what cannot be written is said in the log and costs the next start time, nothing else.
 */
export class SnapshotKeeper {
  readonly #kept: Kept
  /** How much the index had taken in when it was captured last. */
  #saved = 0
  #saving: Promise<void> | null = null

  constructor(kept: Kept) {
    this.#kept = kept
  }

  /** Writes a snapshot if so much has changed since the last one that reading it would take a start long. */
  async keep(): Promise<void> {
    if (this.#kept.index.taken - this.#saved >= CHANGES_MAX) await this.save()
  }

  /** Writes a snapshot if anything has changed since the last one. */
  async save(): Promise<void> {
    this.#saving ??= this.#save().finally(() => {
      this.#saving = null
    })
    return this.#saving
  }

  async #save(): Promise<void> {
    const { dataDir, keyring, index, log } = this.#kept
    if (index.taken === this.#saved) return
    const captured = await this.#capture()
    if (captured === null) return log('info', 'snapshot.not_written', { reason: 'something is withdrawn' })
    const { size, keys, taken } = captured
    try {
      await writeSnapshot(join(dataDir, FILE), INDEX_LAYOUT, captured.parts, keyring.snapshotMac)
      this.#saved = taken
      log('info', 'snapshot.written', { size, keys })
    } catch (error) {
      log('warn', 'snapshot.not_written', { reason: error instanceof Error ? error.message : 'unknown' })
    } finally {
      captured.release()
    }
  }

  /** Null when there is no such moment. */
  async #capture(): Promise<Captured | null> {
    const { store, index } = this.#kept
    for (let turns = 0; turns < TURNS_MAX; turns++) {
      const fromStore = store.capture()
      const fromIndex = fromStore === null ? null : index.capture()
      if (fromStore !== null && fromIndex !== null)
        return {
          ...{ size: store.head().size, keys: index.size, taken: index.taken },
          parts: [...fromStore.parts, ...fromIndex.parts],
          release() {
            fromStore.release()
            fromIndex.release()
          },
        }
      fromStore?.release()
      await nextTurn()
    }
    return null
  }
}
