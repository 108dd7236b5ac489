import { burstStation } from './tour/burst.ts'
import { callStations } from './tour/calls.ts'
import { issueStations } from './tour/issue.ts'
import { revokeStation, rotateStation } from './tour/lifecycle.ts'
import { proofStations } from './tour/proof.ts'
import { createPaint, createScreen, formatNumber, type Paint, type Screen } from './tour/screen.ts'
import { type Cleanup, createCleanup, startWorld } from './tour/world.ts'

/**
 * Keystead's main job on real input, in one screen: a real API protected by issued keys, from the first key to the
 * audit log that a third party verifies. Every station asserts what it says; the exit code is 0 only when all hold.
 */
async function tour(screen: Screen, paint: Paint, cleanup: Cleanup): Promise<void> {
  const start = performance.now()
  screen.plain('Keystead tour: an Ethereum JSON-RPC provider with market data, protected by issued keys')
  screen.plain('')
  const world = await startWorld(screen, cleanup)
  const keys = await issueStations(world, screen)
  await callStations(world, keys, screen, paint)
  const rotated = await rotateStation(world, keys.write, screen, paint)
  const position = await revokeStation(world, rotated, screen, paint)
  const verifications = await burstStation(world, keys.read.secret, screen)
  const events = await proofStations(world, position, screen, paint)
  const seconds = formatNumber((performance.now() - start) / 1000, 1)
  screen.plain('')
  screen.plain(
    `Done in ${seconds} s: ${events} audit events, over ${formatNumber(verifications)} verifications, everything as promised.`,
  )
  world.operator.close()
  world.customer.close()
}

/** Rejects when the person or the system wants the tour to end. Asked again, it does not end before it has cleaned up. */
function interrupted(): Promise<never> {
  return new Promise((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => reject(new Error(`ended by ${signal}`)))
    }
  })
}

async function main(): Promise<void> {
  const paint = createPaint(process.stdout.isTTY, process.env)
  let exitCode = 0
  // A station that is still under way when the tour fails or is ended has nothing more to say.
  const screen = createScreen((line) => {
    if (exitCode === 0) console.log(line)
  }, paint)
  const cleanup = createCleanup()
  process.once('exit', cleanup.runNow)
  try {
    await Promise.race([tour(screen, paint, cleanup), interrupted()])
  } catch (error) {
    exitCode = 1
    console.error(
      `\n${paint.bad('The tour failed:')} ${error instanceof Error ? error.message : String(error)}`,
    )
  }
  await cleanup.run()
  // An interrupted station may still hold connections or timers.
  process.exit(exitCode)
}

await main()
