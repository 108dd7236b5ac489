import { Client, type ClientConfig, Pool, types } from 'pg'
import { StartError } from '../../errors.ts'

/** Connections for reads; with SERVICE_CONNECTIONS and the one that listens, what a process takes of max_connections. */
const READ_CONNECTIONS = 8
/** One each for committing changes, giving out positions and following the log, so that reads cannot starve them. */
const SERVICE_CONNECTIONS = 4
const CONNECT_MS_MAX = 3_000
/** Single statements take milliseconds; what takes longer waits for something that will not come. */
const STATEMENT_MS_MAX = 5_000
const LOCK_MS_MAX = 2_000
/** A process that was stopped inside a transaction loses its locks after this. */
const IDLE_IN_TRANSACTION_MS_MAX = 2_000
/** Longer than STATEMENT_MS_MAX: only a server that does not answer at all is given up on from here. */
const ANSWER_MS_MAX = 7_000
/** How soon either side notices that the other is gone without a word. */
const SILENCE_SECONDS_MAX = 5

/** Everything lies in a schema of our own, so that what others keep in `public` can neither be seen nor get in the way. */
export const SCHEMA = 'keystead'

/** The connections of one process. */
export interface Connections {
  readonly reads: Pool
  readonly service: Pool
  /** A connection of its own, not yet connected. */
  readonly listener: () => Client
  close(): Promise<void>
}

/** How the server must keep what it acknowledges: what it was set to, if that is safe. */
export type Durability = 'on' | 'remote_apply'

/**
 * The pools for a database by its URL. StartError for a URL that is none, and for a server on another machine without
 * verified TLS: credentials and changes would cross the network in the clear. Nothing is connected yet.
 */
export function connectionsTo(url: string, durability: Durability): Connections {
  const config = configOf(url, [`synchronous_commit=${durability}`])
  const reads = new Pool({ ...config, max: READ_CONNECTIONS })
  const service = new Pool({ ...config, max: SERVICE_CONNECTIONS })
  // A connection that dies while nobody uses it is replaced; whoever uses one hears of it himself. The pool does not
  // listen to one between handing it out and the first look of who has waited for it: an error then would end the process.
  for (const pool of [reads, service])
    pool.on('error', ignore).on('connect', (client) => client.on('error', ignore))
  return {
    reads,
    service,
    listener: () => new Client(config),
    async close() {
      await Promise.all([reads.end(), service.end()])
    },
  }
}

function ignore(): void {
  return undefined
}

/** One connection for the start, with the server's own settings; the caller ends it. */
export function startConnection(url: string): Client {
  return new Client(configOf(url, []))
}

function configOf(url: string, settings: readonly string[]): ClientConfig {
  const own = [
    `search_path=${SCHEMA},pg_temp`,
    `tcp_user_timeout=${SILENCE_SECONDS_MAX * 1_000}`,
    `tcp_keepalives_idle=${SILENCE_SECONDS_MAX}`,
    'tcp_keepalives_interval=1',
    `tcp_keepalives_count=${SILENCE_SECONDS_MAX}`,
    'default_transaction_isolation=read\\ committed',
    ...settings,
  ]
  const config: ClientConfig = {
    connectionString: url,
    application_name: 'keystead',
    connectionTimeoutMillis: CONNECT_MS_MAX,
    statement_timeout: STATEMENT_MS_MAX,
    lock_timeout: LOCK_MS_MAX,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS_MAX,
    query_timeout: ANSWER_MS_MAX,
    keepAlive: true,
    keepAliveInitialDelayMillis: SILENCE_SECONDS_MAX * 1_000,
    types: { getTypeParser: parserOf },
    options: own.map((setting) => `-c ${setting}`).join(' '),
  }
  requireSafeTransport(url, config)
  return config
}

function requireSafeTransport(url: string, config: ClientConfig): void {
  let client: Client
  try {
    client = new Client(config)
  } catch (cause) {
    throw new StartError(
      'The database URL cannot be read: it takes postgresql://USER:PASSWORD@HOST:PORT/NAME.',
      {
        cause,
      },
    )
  }
  const isHere = client.host.startsWith('/') || /^(localhost|127(\.\d+){3}|::1|\[::1\])$/.test(client.host)
  if (isHere || /[?&]sslmode=verify-full(&|$)/.test(url)) return
  throw new StartError(
    `The database is on ${client.host}: add sslmode=verify-full (and sslrootcert=FILE) to its URL, since what is sent must not cross the network in the clear.`,
  )
}

const INT8 = 20
const BYTEA = 17

/** bigint as a number (positions, times and counts stay below 2^53), bytea as bytes; what else we select is text. */
function parserOf(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (oid === INT8) return Number
  if (oid === BYTEA) return (value) => new Uint8Array(Buffer.from(value.slice(2), 'hex'))
  return types.getTypeParser(oid, format ?? 'text') as (value: string) => unknown
}
