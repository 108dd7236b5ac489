import type { Pool, PoolClient } from 'pg'
import { isRefusal } from './failure.ts'

/**
 * Runs `work` on one connection of the pool, inside BEGIN ... COMMIT. When it throws, nothing of it remains, or, if the
 * COMMIT itself is not answered, whatever the server did: `committing` is called just before the COMMIT is sent.
 */
export async function inTransaction<T>(
  pool: Pool,
  begin: string,
  work: (client: PoolClient) => Promise<T>,
  committing: () => void = () => undefined,
): Promise<T> {
  return withConnection(pool, async (client) => {
    await client.query(begin)
    const result = await work(client)
    committing()
    const { command } = await client.query('COMMIT')
    // A transaction that has failed inside answers COMMIT with ROLLBACK, and no error.
    if (command !== 'COMMIT') throw new Error('the transaction was rolled back')
    return result
  })
}

/** Everything read inside is of one moment. */
export const SNAPSHOT = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY'

async function withConnection<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  let broken: Error | undefined
  const onError = (error: Error): void => {
    broken = error
  }
  client.on('error', onError)
  try {
    return await work(client)
  } catch (error) {
    // Only a server that has answered will answer ROLLBACK as well; every other connection is thrown away.
    if (isRefusal(error)) await client.query('ROLLBACK').catch(onError)
    else broken = error instanceof Error ? error : new Error('failed')
    throw error
  } finally {
    client.off('error', onError)
    client.release(broken)
  }
}
