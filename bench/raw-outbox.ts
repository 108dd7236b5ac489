/**
 * What PostgreSQL itself can do: 16 connections, each of which inserts the row of an issued key and its leaf into the
 * queue (audit_pending) in a transaction of its own, and waits for COMMIT. No positions are given out. Takes a
 * RawOutboxJob by message, answers with a RawMeasurement.
 */
import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { answerJobs, measureWriters, type RawMeasurement } from './raw-program.ts'

export interface RawOutboxJob {
  /** A database with our schema, and with the project and the owner that the key belongs to. */
  readonly url: string
  readonly writers: number
  readonly durationMs: number
  /** The columns of a key that a server has issued, and the bytes of its leaf in base64. */
  readonly key: Readonly<Record<string, string | number | null>>
  readonly leaf: string
}

/** Ten characters of time in front, as in our ids: new rows come after all others. */
const RECENT = '01kamgvnq0'

async function measure(job: RawOutboxJob): Promise<RawMeasurement> {
  const names = Object.keys(job.key)
  const insertKey = `INSERT INTO api_key (${names.join(', ')}) VALUES (${names.map((_, i) => `$${i + 1}`).join(', ')})`
  const insertLeaf = 'INSERT INTO audit_pending (leaf, leaf_hash, action) VALUES ($1, $2, $3)'
  const leaf = Buffer.from(job.leaf, 'base64')
  const clients = Array.from(
    { length: job.writers },
    () => new Client({ connectionString: job.url, options: '-c search_path=keystead' }),
  )
  await Promise.all(clients.map(async (client) => client.connect()))
  let made = 0
  const write = async (client: Client): Promise<void> => {
    const random = randomBytes(48)
    const id = `key_${RECENT}${(made++).toString(32).padStart(8, '0')}${random.toString('hex', 0, 4)}`
    const key = { ...job.key, id, locator: random.toString('base64url', 4, 13) }
    await client.query('BEGIN')
    await client.query({ name: 'key', text: insertKey, values: Object.values(key) })
    await client.query({ name: 'leaf', text: insertLeaf, values: [leaf, random.subarray(16), 'key.created'] })
    await client.query('COMMIT')
  }
  const writers = clients.map((client) => async () => write(client))
  const measurement = await measureWriters(writers, job.durationMs)
  await Promise.all(clients.map(async (client) => client.end()))
  return measurement
}

answerJobs(measure)
