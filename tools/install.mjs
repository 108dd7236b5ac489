// Installs what a command needs, before it: node tools/install.mjs run|tour|test
//
// Plain JavaScript without dependencies, because it runs on the Node that the machine has (20 or newer), before the
// pinned Node is there. Not `npm ci`: that deletes everything on each change and trips over optional platform binaries.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'

/** What each mode installs, smallest first: a later mode also satisfies the earlier ones. Seconds from an empty npm cache. */
const modes = {
  run: { needs: 'running', seconds: 10, only: ['packages/server', 'packages/cli'] },
  tour: {
    needs: 'the tour',
    seconds: 13,
    only: ['packages/server', 'packages/cli', 'examples/rpc-provider'],
  },
  test: { needs: 'testing', seconds: 20, only: null },
}

/** The npm command line of a mode. Every setting that a user's own npm configuration could turn against it is given. */
export function npmArguments(mode) {
  const { only } = modes[mode]
  const scope = only
    ? ['--omit=dev', '--include-workspace-root', ...only.flatMap((name) => ['-w', name])]
    : ['--include=dev']
  return [
    ...['install', '--no-save', '--ignore-scripts', '--package-lock=true', '--include=optional', ...scope],
    ...['--engine-strict=false', '--install-strategy=hoisted', '--no-audit', '--no-fund', ...npmSettings],
  ]
}

/** Two retries within seconds: npm's defaults wait for more than a minute before they say that there is no network. */
const npmSettings = [
  ...['--global=false', '--no-progress', '--loglevel=error'],
  ...['--fetch-retries=2', '--fetch-retry-mintimeout=500', '--fetch-retry-maxtimeout=3000'],
]

/** The environment for npm: without what an outer `npm start` puts there, with how this machine reaches a registry. */
export function npmEnvironment(environment) {
  const kept =
    /^npm_config_(cache|registry|userconfig|globalconfig|ca|cafile|cert|key|strict_ssl|proxy|https_proxy|noproxy|offline|prefer_offline|maxsockets|@.*|\/\/.*)$/i
  const foreign = (name) =>
    (/^npm_/i.test(name) && !kept.test(name)) || name === 'NODE_ENV' || name === 'INIT_CWD'
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !foreign(name)))
}

/** Why this machine is not served, as one sentence that says what to do; null when it is. */
export function refusal({ platform, arch, glibc, node }) {
  if (platform !== 'linux')
    return `Keystead runs on Linux, not on ${platform}: use a Linux machine, WSL or a container.`
  if (arch !== 'x64' && arch !== 'arm64')
    return `Keystead runs on x64 and arm64, not on ${arch}: use another machine.`
  if (!glibc)
    return 'Keystead needs glibc, and this Linux uses another C library (musl?): use a Debian- or Fedora-like image.'
  if (before(glibc, '2.28'))
    return `Keystead needs glibc 2.28 or newer, this is ${glibc}: use a newer Linux release.`
  if (before(node, '20'))
    return `Keystead needs Node 20 or newer to start, this is ${node}: install a newer Node.`
  return null
}

/** What a folder holds against the mode: 'ready', 'update' (sound, but another mode or lockfile) or 'replace' (not to be trusted). */
export function inspect(root, mode) {
  const stamp = readJson(join(root, stampPath))
  const installed = stamp && soundInstallation(root, stamp)
  if (!installed) return 'replace'
  const order = Object.keys(modes)
  const enough = order.indexOf(stamp.mode) >= order.indexOf(mode)
  return enough && stamp.lockfile === hashOf(join(root, 'package-lock.json')) ? 'ready' : 'update'
}

const stampPath = 'node_modules/.keystead-install.json'
const installedPath = 'node_modules/.package-lock.json'
const nodePath = 'node_modules/.bin/node'
const platform = `${process.platform}-${process.arch}`

/** Whether what the stamp vouches for is still there: npm's own record unchanged, every package, the whole Node binary. */
function soundInstallation(root, stamp) {
  if (stamp.platform !== platform || stamp.installed !== hashOf(join(root, installedPath))) return false
  if (statSync(join(root, nodePath), { throwIfNoEntry: false })?.size !== stamp.nodeBytes) return false
  const packages = Object.keys(readJson(join(root, installedPath))?.packages ?? {})
  return packages.length > 0 && packages.every((path) => existsSync(join(root, path, 'package.json')))
}

/** Installs if there is something to do. Rejects with one sentence for the reader. */
async function install(root, mode) {
  if (inspect(root, mode) === 'ready') return
  const glibc = process.report.getReport().header.glibcVersionRuntime
  const refused = refusal({
    platform: process.platform,
    arch: process.arch,
    glibc,
    node: process.versions.node,
  })
  if (refused) throw new Error(refused)
  const lock = await acquire(root)
  try {
    const found = inspect(root, mode)
    if (found === 'ready') return
    const { needs, seconds } = modes[mode]
    process.stderr.write(`installing what ${needs} needs (about ${seconds} s) ...\n`)
    rmSync(join(root, stampPath), { force: true })
    // A package folder that an interrupted npm left half-written looks complete to npm, so only a stamped folder is kept.
    if (found === 'replace') clear(root)
    await placeNode(root, lock)
    await runNpm(root, npmArguments(mode), lock)
    writeStamp(root, mode)
  } finally {
    lock.close()
  }
}

function clear(root) {
  const { workspaces = [] } = readJson(join(root, 'package.json')) ?? {}
  for (const name of workspaces) rmSync(join(root, name, 'node_modules'), { recursive: true, force: true })
  const folder = join(root, 'node_modules')
  if (!existsSync(folder)) return
  for (const entry of readdirSync(folder)) rmSync(join(folder, entry), { recursive: true, force: true })
}

/**
 * Waits until no other process installs into this folder. The lock is a Linux abstract socket, which the kernel drops
 * with its last holder: nothing can be left behind by a crash. npm inherits it, so that a killed pre-step does not
 * let the next one in while its npm still writes.
 */
export async function acquire(
  root,
  { waitMs = 200, onWait = () => process.stderr.write('waiting for another install ...\n') } = {},
) {
  const name = `\0keystead-install-${createHash('sha256').update(root).digest('hex').slice(0, 32)}`
  for (let attempt = 0; ; attempt++) {
    const server = createServer()
    const failure = await new Promise((resolve) =>
      server.once('error', resolve).listen(name, () => resolve(null)),
    )
    if (!failure) return server
    if (failure.code !== 'EADDRINUSE') throw failure
    if (attempt === 0) onWait()
    await new Promise((resolve) => setTimeout(resolve, waitMs))
  }
}

/**
 * Puts the pinned Node where npm finds it installed already. npm alone takes 8 s for it instead of 3 s, most of them
 * for 2,800 header files that nothing here needs. Same package, same registry, integrity checked against the lockfile.
 */
async function placeNode(root, lock) {
  const name = `node-${platform}`
  const { version, integrity } =
    readJson(join(root, 'package-lock.json'))?.packages?.[`node_modules/${name}`] ?? {}
  const folder = join(root, 'node_modules', name)
  if (!integrity || readJson(join(folder, 'package.json'))?.version === version) return
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(join(folder, 'bin'), { recursive: true })
  await runNpm(root, ['pack', `${name}@${version}`, `--pack-destination=${folder}`, ...npmSettings], lock)
  const archive = join(folder, `${name}-${version}.tgz`)
  const bytes = readFileSync(archive)
  const algorithm = integrity.slice(0, integrity.indexOf('-'))
  if (`${algorithm}-${createHash(algorithm).update(bytes).digest('base64')}` !== integrity)
    throw new Error(
      `${name} ${version} from the registry is not what package-lock.json names: do not use that registry.`,
    )
  const files = filesInTar(gunzipSync(bytes), ['package/LICENSE', 'package/bin/node', 'package/package.json'])
  for (const [path, content] of files)
    writeFileSync(join(folder, path.slice('package/'.length)), content, { mode: 0o755 })
  rmSync(archive)
  mkdirSync(join(root, 'node_modules/.bin'), { recursive: true })
  rmSync(join(root, nodePath), { force: true })
  symlinkSync(`../${name}/bin/node`, join(root, nodePath))
}

/** The wanted files of a POSIX ustar archive: 512-byte headers with name at 0 and octal size at 124, contents padded to 512. */
function filesInTar(tar, wanted) {
  const found = []
  for (let at = 0, next; at + 512 <= tar.length; at = next) {
    const text = (from, length) => tar.toString('latin1', at + from, at + from + length).split('\0')[0]
    const [name, size] = [text(0, 100), Number.parseInt(text(124, 12), 8) || 0]
    next = at + 512 + Math.ceil(size / 512) * 512
    if (wanted.includes(name)) found.push([name, tar.subarray(at + 512, at + 512 + size)])
  }
  return found
}

async function runNpm(root, npmArgs, lock) {
  const own = process.env.npm_execpath ?? ''
  const [command, ...first] = own.endsWith('npm-cli.js') ? [process.execPath, own] : ['npm']
  const child = spawn(command, [...first, ...npmArgs], {
    cwd: root,
    env: npmEnvironment(process.env),
    stdio: ['ignore', 'pipe', 'pipe', lock._handle.fd],
  })
  const forward = (signal) => child.kill(signal)
  process.on('SIGINT', forward).on('SIGTERM', forward)
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (bytes) => (output = (output + bytes).slice(-8000)))
  const ended = await new Promise((resolve) =>
    child.once('error', resolve).once('close', (code, signal) => resolve(code ?? signal)),
  )
  process.off('SIGINT', forward).off('SIGTERM', forward)
  if (ended === 0) return
  if (ended?.code === 'ENOENT')
    throw new Error('npm is missing: install npm 10 or newer (it comes with Node) and run this again.')
  throw new Error(`${output.trim().split('\n').slice(-12).join('\n')}\n${npmFailure(ended, output)}`)
}

/** What to do about a failed npm, in one sentence. */
export function npmFailure(ended, output) {
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT/.test(output))
    return 'The npm registry cannot be reached: check network, proxy and the registry setting of npm, then run this again.'
  if (/ENOSPC/.test(output)) return 'The disk is full: free about 1 GB, then run this again.'
  if (/EACCES|EPERM|EROFS/.test(output))
    return 'npm may not write here: check who owns this folder, then run this again.'
  return `npm did not succeed (${ended}): solve what it says above, then run this again.`
}

/** Checks that npm installed exactly what the lockfile names and that the pinned Node runs, then stamps the folder. */
function writeStamp(root, mode) {
  const locked = readJson(join(root, 'package-lock.json'))?.packages ?? {}
  for (const [path, { version, integrity }] of Object.entries(
    readJson(join(root, installedPath))?.packages ?? {},
  ))
    if (locked[path]?.version !== version || locked[path]?.integrity !== integrity)
      throw new Error(
        `${path} ${version} is not what package-lock.json names: run npm install once and commit the lockfile.`,
      )
  const pinned = locked[`node_modules/node-${platform}`]?.version
  const answer = spawnSync(join(root, nodePath), ['--version'], { encoding: 'utf8' }).stdout?.trim()
  if (answer !== `v${pinned}`)
    throw new Error(
      `The installed Node answers ${answer}, not v${pinned}: delete node_modules and run this again.`,
    )
  const stamp = {
    mode,
    platform,
    lockfile: hashOf(join(root, 'package-lock.json')),
    installed: hashOf(join(root, installedPath)),
    nodeBytes: statSync(join(root, nodePath)).size,
  }
  mkdirSync(dirname(join(root, stampPath)), { recursive: true })
  writeFileSync(join(root, `${stampPath}.new`), `${JSON.stringify(stamp)}\n`)
  renameSync(join(root, `${stampPath}.new`), join(root, stampPath))
}

const hashOf = (path) =>
  existsSync(path) ? createHash('sha256').update(readFileSync(path)).digest('hex') : null

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return null // absent or damaged: both mean that there is nothing to rely on
  }
}

function before(version, floor) {
  const [a, b] = [version, floor].map((text) => text.split('.').map(Number))
  return a[0] !== b[0] ? a[0] < b[0] : (a[1] ?? 0) < (b[1] ?? 0)
}

if (process.argv[1] && fileURLToPath(import.meta.url) === process.argv[1]) {
  const mode = process.argv[2]
  const root = dirname(dirname(fileURLToPath(import.meta.url)))
  const known = Object.hasOwn(modes, mode ?? '')
  const done = known
    ? install(root, mode)
    : Promise.reject(new Error('usage: node tools/install.mjs run|tour|test'))
  done.catch((error) => {
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  })
}
