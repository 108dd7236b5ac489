import { equalBytes } from '@keystead/protocol/bytes'
import { Frontier, leafHash, type MerkleNode } from '@keystead/protocol/merkle'
import type { Kysely } from 'kysely'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { sha256 } from '../hash.ts'
import { mayHaveBatch, targetsOf } from './batch.ts'
import type { Head } from './head.ts'
import { codecOfId, SEALED, type SealedCodec, type StoredRow, wrongWith } from './rows.ts'
import type { Integrity, Reader, RefusedRow, Sweep } from './store.ts'
import type { Tables } from './tables.ts'
import type { VersionTable } from './version-table.ts'

/** What is looked at between two turns of the loop: about a millisecond. */
const ROWS_PER_SLICE = 100
const LEAVES_PER_SLICE = 200
/** As often a row that looks wrong is read, since it may be changing at this moment. */
const LOOKS_MAX = 3

export interface Swept {
  readonly db: Kysely<Tables>
  readonly reader: Reader
  readonly integrity: Integrity
  readonly versions: VersionTable
  /** The tree to compare with, as it was when the sweep began: what grows meanwhile is for the next one. */
  readonly head: Head
  readonly onRefused: (row: RefusedRow) => void
  /** Resolves when a row that looked wrong is worth another look: a change may have been on its way. */
  readonly lookAgain?: () => Promise<unknown>
  /**
   * Whether a known object's row is right after all, compared with the log in one snapshot: a row that changes all the
   * time looks wrong at every look.
   */
  readonly isRight?: (id: string) => Promise<boolean>
}

/** Reads all sealed rows, leaves and nodes again; see Store.sweep. */
export async function sweep(swept: Swept): Promise<Sweep> {
  const refused: RefusedRow[] = []
  const refuse = (row: RefusedRow): void => {
    refused.push(row)
    swept.onRefused(row)
  }
  let rows = 0
  for (const codec of SEALED) rows += await sweepTable(swept, codec, refuse)
  if (rows < swept.versions.size) await findMissing(swept, refuse)
  await sweepLog(swept, refuse)
  return { rows, leaves: swept.head.size, refused }
}

/** The number of rows that are as they should be. */
async function sweepTable(
  { db, integrity, versions, lookAgain = nextTurn, isRight }: Swept,
  codec: SealedCodec,
  refuse: (row: RefusedRow) => void,
): Promise<number> {
  const rowsOf = async (ids: readonly string[] | null, after: string): Promise<readonly StoredRow[]> => {
    const query = db.selectFrom(codec.table).selectAll().orderBy('id').limit(ROWS_PER_SLICE)
    return ids === null ? query.where('id', '>', after).execute() : query.where('id', 'in', ids).execute()
  }
  const wrong = (row: StoredRow): string | null =>
    wrongWith(codec, row, row.id, integrity.rowMac, versions.versionOf(row.id))
  let good = 0
  for (let after = ''; ;) {
    const rows = await rowsOf(null, after)
    const last = rows.at(-1)
    if (last === undefined) return good
    let suspects = rows.filter((row) => wrong(row) !== null)
    good += rows.length - suspects.length
    // A row may have changed between the moment it was read and now: look again.
    for (let looks = 1; looks < LOOKS_MAX && suspects.length > 0; looks++) {
      await lookAgain()
      const again = await rowsOf(
        suspects.map(({ id }) => id),
        '',
      )
      suspects = again.filter((row) => wrong(row) !== null)
      good += again.length - suspects.length
    }
    for (const row of suspects) {
      const what = wrong(row) ?? 'was changed'
      const isKnown = versions.versionOf(row.id) !== undefined
      if (isKnown && (await isRight?.(row.id)) === true) good += 1
      else refuse({ table: codec.table, id: row.id, what })
    }
    after = last.id
    await nextTurn()
  }
}

async function findMissing({ db, versions }: Swept, refuse: (row: RefusedRow) => void): Promise<void> {
  const ids = [...versions.ids()]
  for (const [codec, known] of Map.groupBy(ids, codecOfId)) {
    for (let from = 0; from < known.length; from += ROWS_PER_SLICE) {
      const some = known.slice(from, from + ROWS_PER_SLICE)
      const rows = await db.selectFrom(codec.table).select('id').where('id', 'in', some).execute()
      const there = new Set(rows.map(({ id }) => id))
      for (const id of some) if (!there.has(id)) refuse({ table: codec.table, id, what: 'is missing' })
      await nextTurn()
    }
  }
}

async function sweepLog(
  { reader, integrity, head }: Swept,
  refuse: (row: RefusedRow) => void,
): Promise<void> {
  const frontier = new Frontier(sha256)
  while (frontier.size < head.size) {
    const from = frontier.size
    const count = Math.min(LEAVES_PER_SLICE, head.size - from)
    const entries = await reader.auditEntries(from, count)
    const nodes: MerkleNode[] = []
    for (let i = 0; i < count; i++) {
      const entry = entries[i]
      const id = String(from + i)
      if (entry?.position !== from + i) return refuse({ table: 'audit_entry', id, what: 'is missing' })
      const hash = leafHash(sha256, entry.bytes)
      if (!integrity.isOurs(entry.bytes) || !equalBytes(hash, entry.leafHash))
        refuse({ table: 'audit_entry', id, what: 'does not match its MAC or hash' })
      if (mayHaveBatch(entry.bytes) && targetsOf(entry.bytes, await reader.auditBatch(from + i)) === null)
        refuse({ table: 'audit_entry', id, what: 'has not the batch that it names' })
      nodes.push(...frontier.append(entry.leafHash))
    }
    await compareNodes(reader, nodes, refuse)
    await nextTurn()
  }
  if (!equalBytes(frontier.root(), head.root))
    refuse({
      table: 'audit_entry',
      id: String(head.size - 1),
      what: 'leads to another root than the one in memory',
    })
}

async function compareNodes(
  reader: Reader,
  nodes: readonly MerkleNode[],
  refuse: (row: RefusedRow) => void,
): Promise<void> {
  for (const [level, some] of Map.groupBy(nodes, ({ level }) => level)) {
    const first = some[0]?.index ?? 0
    const stored = await reader.auditNodes(level, first, some.length)
    for (const [i, { index, hash }] of some.entries())
      if (!equalBytes(stored[i] ?? new Uint8Array(), hash))
        refuse({ table: 'audit_node', id: `${level}/${index}`, what: 'is not what the leaves make' })
  }
}
