import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { acquire, inspect, npmArguments, npmEnvironment, npmFailure, refusal } from './install.mjs'

const machine = { platform: 'linux', arch: 'x64', glibc: '2.36', node: '20.20.2' }
const lockfile = '{"packages":{}}'
const installed = '{"packages":{"node_modules/a":{"version":"1.0.0"}}}'

/** A folder as a successful install leaves it, with one dependency and a Node binary of three bytes. */
function installedFolder(
  t: { after(fn: () => void): void },
  mode: string,
): { root: string; write: (path: string, text: string) => void } {
  const root = mkdtempSync(join(tmpdir(), 'keystead-install-'))
  t.after(() => rmSync(root, { recursive: true }))
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  const hash = (text: string): string => createHash('sha256').update(text).digest('hex')
  write('package-lock.json', lockfile)
  write('node_modules/.package-lock.json', installed)
  write('node_modules/a/package.json', '{}')
  write('node_modules/.bin/node', 'ELF')
  const platform = `${process.platform}-${process.arch}`
  const stamp = { mode, platform, lockfile: hash(lockfile), installed: hash(installed), nodeBytes: 3 }
  write('node_modules/.keystead-install.json', JSON.stringify(stamp))
  return { root, write }
}

test('an installed folder is ready for its own mode and for smaller ones', (t) => {
  const { root } = installedFolder(t, 'tour')
  assert.equal(inspect(root, 'run'), 'ready')
  assert.equal(inspect(root, 'tour'), 'ready')
  assert.equal(inspect(root, 'test'), 'update')
})

test('another lockfile is an update', (t) => {
  const { root, write } = installedFolder(t, 'run')
  write('package-lock.json', '{"packages":{"b":{}}}')
  assert.equal(inspect(root, 'run'), 'update')
})

test('a folder that is not as the stamp says is replaced', (t) => {
  const damages: readonly ((root: string, write: (path: string, text: string) => void) => void)[] = [
    (root) => rmSync(join(root, 'node_modules/.keystead-install.json')),
    (root) => rmSync(join(root, 'node_modules/a'), { recursive: true }),
    (root) => rmSync(join(root, 'node_modules/.bin/node')),
    (_root, write) => write('node_modules/.bin/node', 'EL'),
    (_root, write) => write('node_modules/.package-lock.json', '{}'),
    (_root, write) => write('node_modules/.keystead-install.json', '{"mode":"te'),
    (_root, write) => write('node_modules/.keystead-install.json', 'null'),
  ]
  for (const [index, damage] of damages.entries()) {
    const { root, write } = installedFolder(t, 'test')
    damage(root, write)
    assert.equal(inspect(root, 'run'), 'replace', `damage ${index}`)
  }
})

test('a machine that is served is not refused', () => {
  assert.equal(refusal(machine), null)
  assert.equal(refusal({ ...machine, arch: 'arm64', node: '26.1.0', glibc: '2.28' }), null)
})

test('a machine that is not served is refused with one sentence that says what to do', () => {
  const others = [
    { platform: 'darwin' },
    { arch: 'ia32' },
    { glibc: undefined },
    { glibc: '2.17' },
    { node: '18.20.0' },
  ]
  for (const other of others) assert.match(refusal({ ...machine, ...other }) ?? '', /^[^\n]+: [^\n]+\.$/)
})

test('only testing installs development tools, and no mode runs install scripts or writes the lockfile', () => {
  assert.ok(npmArguments('run').includes('--omit=dev'))
  assert.ok(!npmArguments('run').includes('examples/rpc-provider'))
  assert.ok(npmArguments('tour').includes('examples/rpc-provider'))
  assert.ok(npmArguments('test').includes('--include=dev'))
  for (const mode of ['run', 'tour', 'test'])
    for (const flag of ['--ignore-scripts', '--no-save']) assert.ok(npmArguments(mode).includes(flag))
})

test('an outer npm start does not configure the inner npm, apart from how the registry is reached', () => {
  const outer = {
    PATH: '/bin',
    NODE_ENV: 'production',
    npm_config_workspace: 'packages/cli',
    npm_config_omit: 'optional',
    npm_config_local_prefix: '/elsewhere',
    npm_lifecycle_event: 'start',
    npm_config_cache: '/cache',
    NPM_CONFIG_REGISTRY: 'https://registry.example',
    HTTPS_PROXY: 'http://proxy.example',
  }
  const { PATH, npm_config_cache, NPM_CONFIG_REGISTRY, HTTPS_PROXY } = outer
  assert.deepEqual(npmEnvironment(outer), { PATH, npm_config_cache, NPM_CONFIG_REGISTRY, HTTPS_PROXY })
})

test('a failed npm ends in a sentence that says what to do', () => {
  assert.match(npmFailure(1, 'npm error code ENOTFOUND'), /registry cannot be reached/)
  assert.match(npmFailure(1, 'npm error ENOSPC: no space left'), /disk is full/)
  assert.match(npmFailure(1, 'npm error code EACCES'), /may not write/)
  assert.match(npmFailure(1, 'something else'), /solve what it says/)
})

test('a second install of the same folder waits until the first has ended', async () => {
  const folder = join(tmpdir(), `keystead-lock-${process.pid}`)
  const order: string[] = []
  const first = await acquire(folder)
  const second = acquire(folder, {
    waitMs: 1,
    onWait: () => {
      order.push('second waits')
      first.close()
    },
  })
  const lock = await second
  order.push('second holds')
  lock.close()
  assert.deepEqual(order, ['second waits', 'second holds'])
})
