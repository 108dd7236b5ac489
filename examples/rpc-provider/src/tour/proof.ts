import assert from 'node:assert/strict'
import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Paint, type Screen, timed } from './screen.ts'
import { tamper } from './tamper.ts'
import { findPythonVerifier, runCli, typescriptVerifier, type Verifier } from './verifiers.ts'
import type { World } from './world.ts'

/** A checkpoint is due every second while the log grows; five of them missed is a failure. */
const CHECKPOINT_WAIT_MS_MAX = 5_000
/** What both verifiers end with when the log is not what it claims; other failures have other exit codes. */
const REFUTED = 1

/**
 * Waits for a signed checkpoint that covers `position`, exports the log, verifies it offline with both verifiers, and
 * shows that they name the event that was changed in a copy. Returns how many events the log has.
 */
export async function proofStations(
  world: World,
  position: number,
  screen: Screen,
  paint: Paint,
): Promise<number> {
  screen.station('export')
  const trustFile = join(world.folder, 'trust.policy')
  // The trust anchor is taken from the server once, before anybody has a reason to lie, and not from the export.
  await writeFile(trustFile, await world.operator.text('/v1/audit/log/key'))
  const covered = await timed(() => coveringCheckpoint(world, position))
  screen.line(`signed checkpoint over ${covered.value} events`, covered.ms)
  const folder = join(world.folder, 'log')
  const env = { KEYSTEAD_URL: world.keysteadUrl, KEYSTEAD_CREDENTIAL_FILE: world.bootstrapKeyFile }
  const exported = await timed(() => runCli(['audit', 'export', '--to', folder], env))
  assert.equal(exported.value.exitCode, 0, exported.value.output)
  screen.line('keystead audit export: entries, tiles, checkpoint', exported.ms)

  screen.station('verify')
  const verifiers: Verifier[] = [typescriptVerifier]
  const python = await findPythonVerifier()
  if ('verify' in python) verifiers.push(python)
  for (const verifier of verifiers) {
    const verified = await timed(() => verifier.verify(folder, trustFile))
    assert.equal(verified.value.exitCode, 0, verified.value.output)
    screen.line(`offline, ${verifier.name}: ${paint.good('verified')}`, verified.ms)
  }
  if ('missing' in python) screen.line(`left out, the Python verifier: ${python.missing}`)

  screen.station('tamper')
  const copy = join(world.folder, 'tampered')
  await cp(folder, copy, { recursive: true })
  const { eventId, action, from, to } = await tamper(copy, position)
  screen.line(
    `in a copy, one byte of event ${position} (${action}): ${from.slice(11, 19)} -> ${to.slice(11, 19)}`,
  )
  for (const verifier of verifiers) {
    const refuted = await timed(() => verifier.verify(copy, trustFile))
    assert.equal(refuted.value.exitCode, REFUTED, refuted.value.output)
    const named = refuted.value.output.split('\n').find((line) => names(line, position, eventId))
    assert.ok(named !== undefined, `the verifier must name event ${position}:\n${refuted.value.output}`)
    const finding = named.trim().replace(eventId, `${eventId.slice(0, 4)}..${eventId.slice(-6)}`)
    screen.line(
      `${verifier.language}: ${paint.bad(shorten(finding, 74 - verifier.language.length))}`,
      refuted.ms,
    )
  }
  return covered.value
}

/** Waits for a checkpoint over more than `position` events. Returns its size. */
async function coveringCheckpoint(world: World, position: number): Promise<number> {
  const deadlineAt = Date.now() + CHECKPOINT_WAIT_MS_MAX
  for (;;) {
    // C2SP tlog-checkpoint: the origin, then the size, then the root.
    const size = Number((await world.operator.text('/v1/audit/log/checkpoint')).split('\n')[1])
    if (size > position) return size
    if (Date.now() > deadlineAt) throw new Error(`no checkpoint covers position ${position} after 5 s`)
    await delay(20)
  }
}

function names(line: string, position: number, eventId: string): boolean {
  return (
    line.includes(eventId) || new RegExp(`\\b(event|position|entry|leaf) #?${position}\\b`, 'i').test(line)
  )
}

/** What fits between the name of the station and the time, cut between words. */
function shorten(line: string, length: number): string {
  if (line.length <= length) return line
  return `${line.slice(0, line.lastIndexOf(' ', length - 3))}...`
}
