import { randomBytes } from 'node:crypto'
import type { TestContext } from 'node:test'
import { Client } from 'pg'
import { requireOrSkip } from '../../../../../tools/required.ts'

const SERVER_URL = process.env['KEYSTEAD_TEST_POSTGRES_URL'] ?? ''

/** A new, empty database of the tests' server, by its URL; gone after the test. Null, and the test skipped, without one. */
export async function temporaryDatabase(t: TestContext): Promise<string | null> {
  if (
    !requireOrSkip(
      t,
      SERVER_URL !== '',
      'PostgreSQL (run through npm test, or set KEYSTEAD_TEST_POSTGRES_URL)',
    )
  )
    return null
  const name = `keystead_test_${randomBytes(6).toString('hex')}`
  await asSuperuser(SERVER_URL, `CREATE DATABASE ${name}`)
  t.after(async () => asSuperuser(SERVER_URL, `DROP DATABASE ${name} WITH (FORCE)`))
  const url = new URL(SERVER_URL)
  url.pathname = `/${name}`
  return url.href
}

/** Runs SQL on a connection of its own, as somebody who may do everything. */
export async function asSuperuser(url: string, sql: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: url, options: '-c search_path=keystead' })
  await client.connect()
  try {
    const result = await client.query(sql)
    return result.rows as Record<string, unknown>[]
  } finally {
    await client.end()
  }
}
