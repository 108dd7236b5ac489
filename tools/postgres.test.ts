import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { findBinaries } from './postgres.ts'
import { requireOrSkip } from './required.ts'

const url = process.env['KEYSTEAD_TEST_POSTGRES_URL']
const folder = findBinaries() ?? '/usr/bin'
const psql = existsSync(join(folder, 'psql')) ? join(folder, 'psql') : 'psql'

function ask(sql: string): string {
  return execFileSync(psql, ['-X', '-A', '-t', '-c', sql, url ?? ''], { encoding: 'utf8' }).trim()
}

test('the PostgreSQL of the tests answers, keeps what it acknowledges and listens on this machine only', (t) => {
  if (!requireOrSkip(t, Boolean(url), 'PostgreSQL (run through npm test, or set KEYSTEAD_TEST_POSTGRES_URL)'))
    return
  assert.match(ask('select version()'), /^PostgreSQL \d+/)
  assert.equal(ask('show fsync'), 'on')
  assert.equal(ask('show synchronous_commit'), 'on')
  assert.match(ask('show listen_addresses'), /^(127\.0\.0\.1|localhost)$/)
})
