import { type CompiledQuery, type DatabaseConnection, type Dialect, Kysely, type QueryResult } from 'kysely'

type Parts = Omit<Dialect, 'createDriver'>

/**
 * Kysely over one connection that the caller owns. Transactions are the caller's too: Kysely's own are refused, since a
 * query beside an open Kysely transaction on the same connection would wait for ever.
 */
export function kyselyOn<Tables>(
  parts: Parts,
  executeQuery: <Row>(query: CompiledQuery) => Promise<QueryResult<Row>>,
): Kysely<Tables> {
  const connection: DatabaseConnection = { executeQuery, streamQuery }
  const refuse = async (): Promise<never> => {
    throw new Error('transactions belong to the store')
  }
  const nothing = async (): Promise<void> => undefined
  const createDriver: Dialect['createDriver'] = () => ({
    init: nothing,
    acquireConnection: async () => connection,
    beginTransaction: refuse,
    commitTransaction: refuse,
    rollbackTransaction: refuse,
    releaseConnection: nothing,
    destroy: nothing,
  })
  return new Kysely<Tables>({ dialect: { ...parts, createDriver } })
}

// oxlint-disable-next-line require-yield -- the port wants a generator; nothing here streams
async function* streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
  throw new Error('streaming is not offered: read pages')
}
