import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { startCluster } from './postgres-cluster.ts'

/** A PostgreSQL for tests: an own cluster that is stopped and deleted again, or one that somebody else keeps. */
export interface TestPostgres {
  readonly url: string
  stop(): Promise<void>
}

/**
 * Provides PostgreSQL for the tests: `KEYSTEAD_TEST_POSTGRES_URL` if set, else an own cluster on a free port of
 * 127.0.0.1 from installed binaries, on Debian as root installing them first. With durability on, as in production.
 * @returns null, after saying why on stderr, where none of this is possible
 */
export async function providePostgres(): Promise<TestPostgres | null> {
  const given = process.env['KEYSTEAD_TEST_POSTGRES_URL']
  if (given) return { url: given, stop: async () => {} }
  const binaries = findBinaries() ?? installBinaries()
  if (!binaries) return null
  return startCluster(binaries)
}

/** The folder with initdb and postgres: the PATH first, then Debian's place (newest version), else null. */
export function findBinaries(): string | null {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    ...versions.map((version) => join(debian, version, 'bin')),
  ]
  return (
    folders.find((folder) => ['initdb', 'postgres'].every((name) => existsSync(join(folder, name)))) ?? null
  )
}

function installBinaries(): string | null {
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) {
    console.error('PostgreSQL is not installed: install it or set KEYSTEAD_TEST_POSTGRES_URL')
    return null
  }
  console.error('installing postgresql with apt-get ...')
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const args of [['update'], ['install', '--yes', '--no-install-recommends', 'postgresql']]) {
    const { status, stdout, stderr, error } = spawnSync('apt-get', ['--quiet', ...args], {
      env,
      encoding: 'utf8',
    })
    if (status !== 0)
      console.error(`apt-get ${args[0]} failed: ${error?.message ?? `${stdout}${stderr}`.slice(-2000)}`)
  }
  return findBinaries()
}
