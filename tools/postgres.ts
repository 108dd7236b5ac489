import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** A PostgreSQL for tests: an own cluster that is stopped and deleted again, or one that somebody else keeps. */
export interface TestPostgres {
  readonly url: string
  stop(): Promise<void>
}

/** First start on a cold disk took 3 s here; a cluster that is silent for this long will not come. */
const startMsMax = 60_000

/** A role and nothing more: the cluster listens on 127.0.0.1 only and lives as long as the tests. */
const superuser = 'keystead'

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

async function startCluster(binaries: string): Promise<TestPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'keystead-postgres-'))
  const data = join(folder, 'data')
  const statusFile = join(data, 'postmaster.pid')
  const user = unprivilegedUser()
  const settings = { cwd: folder, ...user, env: { ...process.env, LC_ALL: 'C' } }
  let server: ChildProcess | null = null
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  // Whatever ends this process, nothing of the cluster is left; an exit handler can only wait by blocking.
  const onExit = (): void => {
    server?.kill('SIGQUIT')
    const pause = new Int32Array(new SharedArrayBuffer(4))
    for (let waits = 0; server && existsSync(statusFile) && waits < 250; waits++)
      Atomics.wait(pause, 0, 0, 20)
    remove()
  }
  process.once('exit', onExit)
  const stop = async (): Promise<void> => {
    process.off('exit', onExit)
    if (server?.kill('SIGINT')) await once(server, 'exit')
    remove()
  }
  try {
    if (user) chownSync(folder, user.uid, user.gid)
    const init = [
      '--pgdata',
      data,
      '--username',
      superuser,
      '--auth',
      'trust',
      '--encoding',
      'UTF8',
      '--no-sync',
    ]
    const made = spawnSync(join(binaries, 'initdb'), init, { ...settings, encoding: 'utf8' })
    if (made.status !== 0) throw new Error(`initdb failed: ${made.error?.message ?? made.stderr}`)
    const port = await freePort()
    const options = [
      '-D',
      data,
      '-p',
      `${port}`,
      '-k',
      folder,
      '-c',
      'listen_addresses=127.0.0.1',
      '-c',
      'fsync=on',
    ]
    server = spawn(join(binaries, 'postgres'), options, { ...settings, stdio: ['ignore', 'ignore', 'pipe'] })
    let log = ''
    server.stderr?.on('data', (bytes: Buffer) => (log = (log + bytes.toString()).slice(-4000)))
    if (!(await accepting(server, statusFile))) throw new Error(`PostgreSQL does not start:\n${log}`)
    return { url: `postgresql://${superuser}@127.0.0.1:${port}/postgres`, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The server writes its status into the last line of postmaster.pid, "ready" once it takes connections. */
async function accepting(server: ChildProcess, statusFile: string): Promise<boolean> {
  const deadline = performance.now() + startMsMax
  while (server.exitCode === null && server.signalCode === null && performance.now() < deadline) {
    if (existsSync(statusFile) && readFileSync(statusFile, 'utf8').trimEnd().endsWith('ready')) return true
    await delay(50)
  }
  return false
}

/** initdb and postgres refuse to run as root, so as root they run as another user. */
function unprivilegedUser(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return null
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  const found = ['postgres', 'nobody'].map((name) => users.find(([user]) => user === name)).find(Boolean)
  if (!found)
    throw new Error('PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody')
  return { uid: Number(found[2]), gid: Number(found[3]) }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() =>
        address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port')),
      )
    })
  })
}
