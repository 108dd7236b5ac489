import type { Client } from 'pg'
import { setTimeout as sleep } from 'node:timers/promises'
import { DomainError } from '../../errors.ts'
import { readHead } from '../head.ts'
import { snapshotOf } from '../snapshot.ts'
import type { Integrity, Snapshot } from '../store.ts'
import { kyselyOver } from './driver.ts'
import { SNAPSHOT } from './session.ts'

/** Between two pages an auditor's program may take this long; the session of a process that is gone ends after it. */
const IDLE_MS_MAX = 120_000
/** How long to look for a moment at which every committed change has its position, and how often. */
const QUIET_MS_MAX = 10_000
const LOOK_EVERY_MS = 5

/**
 * A snapshot in a transaction on a connection of its own. Rows are committed before their leaves have positions, so it is
 * taken at a moment when none waits: only then rows and log say the same. DomainError `storage.unavailable` when there
 * was no such moment, or the database does not answer.
 */
export async function openSnapshot(connect: () => Client, integrity: Integrity): Promise<Snapshot> {
  const client = connect()
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query(`SET idle_in_transaction_session_timeout = ${IDLE_MS_MAX}`)
    await beginAtQuietMoment(client)
    const db = kyselyOver(client)
    const head = (await readHead(db, integrity.headMac)) ?? { size: 0, root: new Uint8Array() }
    return snapshotOf({ db, head, integrity, close: async () => client.end() })
  } catch (cause) {
    await client.end().catch(() => undefined)
    throw cause instanceof DomainError ? cause : new DomainError('storage.unavailable', null, { cause })
  }
}

async function beginAtQuietMoment(client: Client): Promise<void> {
  const overdue = performance.now() + QUIET_MS_MAX
  for (;;) {
    await client.query(SNAPSHOT)
    const { rows } = await client.query('SELECT 1 FROM audit_pending WHERE refused IS NULL LIMIT 1')
    if (rows.length === 0) return
    await client.query('ROLLBACK')
    if (performance.now() > overdue) throw new DomainError('storage.unavailable')
    await sleep(LOOK_EVERY_MS)
  }
}
