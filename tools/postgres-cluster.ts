import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** First start on a cold disk took 3 s here; a cluster that is silent for this long will not come. */
const startMsMax = 60_000

/** A role and nothing more: the cluster listens on 127.0.0.1 only and lives as long as the tests. */
const superuser = 'keystead'

/** A PostgreSQL of our own: stopped and deleted again, or killed and started again in between. */
export interface Cluster {
  readonly url: string
  /** kill -9 of the server and of every process of its own, as when the power fails. */
  kill(): Promise<void>
  /** After a kill, on the same port: it recovers by itself. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** Makes one in a new temporary folder, on a free port of 127.0.0.1, with durability on. */
export async function startCluster(binaries: string): Promise<Cluster> {
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
    if (server && isRunning(server) && server.kill('SIGINT')) await once(server, 'exit')
    remove()
  }
  try {
    if (user) chownSync(folder, user.uid, user.gid)
    makeData(binaries, data, settings)
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
    const start = async (): Promise<void> => {
      server = spawn(join(binaries, 'postgres'), options, {
        ...settings,
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      let log = ''
      server.stderr?.on('data', (bytes: Buffer) => (log = (log + bytes.toString()).slice(-4000)))
      if (!(await accepting(server, statusFile))) throw new Error(`PostgreSQL does not start:\n${log}`)
    }
    await start()
    return {
      url: `postgresql://${superuser}@127.0.0.1:${port}/postgres`,
      stop,
      async kill() {
        if (server) await killAll(server)
        // It says "ready", and nobody is there.
        rmSync(statusFile, { force: true })
      },
      restart: start,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

interface Settings {
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  readonly uid?: number
  readonly gid?: number
}

function makeData(binaries: string, data: string, settings: Settings): void {
  const who = ['--username', superuser, '--auth', 'trust']
  const args = ['--pgdata', data, ...who, '--encoding', 'UTF8', '--no-sync']
  const made = spawnSync(join(binaries, 'initdb'), args, { ...settings, encoding: 'utf8' })
  if (made.status !== 0) throw new Error(`initdb failed: ${made.error?.message ?? made.stderr}`)
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null
}

/** The server's own processes are in sessions of their own: found by their parent, before it is gone. */
async function killAll(server: ChildProcess): Promise<void> {
  const children = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && parentOf(pid) === server.pid)
  server.kill('SIGKILL')
  for (const pid of children) {
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
  if (isRunning(server)) await once(server, 'exit')
  while (children.some((pid) => isAlive(pid))) await delay(5)
}

function parentOf(pid: string): number | null {
  return Number(/^PPid:\s+(\d+)/m.exec(statusOf(pid))?.[1] ?? 0)
}

function isAlive(pid: string): boolean {
  return /^State:\s+[^ZX]/m.test(statusOf(pid))
}

function statusOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8')
  } catch {
    // Gone between the listing and now.
    return ''
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
