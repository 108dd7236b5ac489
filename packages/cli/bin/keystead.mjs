#!/usr/bin/env node
// Launcher in plain JavaScript: the sources need Node >= 24.19, the machine may only have Node 20.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ADVICE = 'run npm start or npm test once, it installs Node 24'
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major > 24 || (major === 24 && minor >= 19)) {
  const { main } = await import('../src/main.ts')
  await main()
} else {
  runWithPinnedNode()
}

function runWithPinnedNode() {
  const pinned = findPinnedNode(dirname(fileURLToPath(import.meta.url)))
  if (pinned === null || process.env.KEYSTEAD_LAUNCHED === '1') {
    fail(`keystead needs Node 24.19 or newer and this is ${process.version}: ${ADVICE}`)
    return
  }
  const child = spawn(pinned, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
    // Stops a loop when the file found is itself an older Node.
    env: { ...process.env, KEYSTEAD_LAUNCHED: '1' },
  })
  // A terminal sends Ctrl-C to both processes; the others reach this one only.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  process.on('SIGHUP', () => child.kill('SIGHUP'))
  child.on('error', (error) => fail(`keystead cannot run ${pinned} (${error.code}): ${ADVICE}`))
  child.on('exit', (code, signal) => {
    if (signal === null) {
      process.exitCode = code
    } else {
      process.removeAllListeners(signal)
      process.kill(process.pid, signal)
    }
  })
}

function findPinnedNode(start) {
  for (let folder = start; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', '.bin', 'node')
    if (existsSync(candidate)) return candidate
    if (dirname(folder) === folder) return null
  }
}

function fail(sentence) {
  process.stderr.write(`${sentence}\n`)
  process.exitCode = 2
}
