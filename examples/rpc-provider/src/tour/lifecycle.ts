import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { numberAt, stringAt } from '../json.ts'
import { accepted } from './calls.ts'
import type { ProviderAnswer } from './customer.ts'
import { type IssuedKey, readIssued } from './operator.ts'
import { type Paint, type Screen, timed } from './screen.ts'
import type { World } from './world.ts'

/** Short, so that the tour is; a day is the default. */
const OVERLAP_SECONDS = 2
/** How long after the announced end the old version may at most still be seen. */
const END_TOLERANCE_MS = 1_000
/** A revoked key must be refused at once; this only ends a tour in which it is not. */
const REFUSAL_WAIT_MS_MAX = 5_000

/** Rotates the key with an overlap and waits for its end. Returns the key's new version. */
export async function rotateStation(
  world: World,
  key: IssuedKey,
  screen: Screen,
  paint: Paint,
): Promise<IssuedKey> {
  screen.station('rotate')
  const body = { overlapSeconds: OVERLAP_SECONDS, reason: 'scheduled' }
  const rotated = await timed(() => world.operator.post(`/v1/keys/${key.id}/rotate`, body))
  const next = readIssued(rotated.value)
  const endsAt = numberAt(rotated.value, 'previousAcceptedUntil')
  assert.equal(next.id, key.id, 'rotation keeps the key')
  assert.notEqual(next.secret, key.secret, 'rotation makes a new secret')
  screen.line(`same key, version 2; version 1 is accepted for ${OVERLAP_SECONDS} s more`, rotated.ms)

  const both = await timed(async () => {
    accepted(await probe(world, key.secret))
    accepted(await probe(world, next.secret))
  })
  assert.ok(Date.now() < endsAt, 'both calls were made within the overlap')
  screen.line(
    `during the overlap: version 1 ${paint.good('accepted')}, version 2 ${paint.good('accepted')}`,
    both.ms / 2,
  )

  const waited = await timed(() => firstRefusal(world, key.secret, endsAt + END_TOLERANCE_MS))
  const lateMs = Date.now() - endsAt
  assert.ok(lateMs >= 0, 'the old version is not refused before the announced time')
  accepted(await probe(world, next.secret))
  const ended = `version 1 ${paint.bad(`401 ${waited.value.code}`)} ${lateMs} ms after its announced end`
  screen.line(`${ended}, version 2 ${paint.good('accepted')}`, waited.ms)
  return next
}

/**
 * Revokes the key while it is in use, and measures from the revoke call to the first refused call. No call that starts
 * after the answer to revoke may be accepted. Returns the position of the revocation in the audit log.
 */
export async function revokeStation(
  world: World,
  key: IssuedKey,
  screen: Screen,
  paint: Paint,
): Promise<number> {
  screen.station('revoke')
  accepted(await probe(world, key.secret))
  const start = performance.now()
  const revoke = async () => {
    const answer = await world.operator.post(`/v1/keys/${key.id}/revoke`, { reason: 'privilegeWithdrawn' })
    return { answer, elapsedMs: performance.now() - start, after: await probe(world, key.secret) }
  }
  const use = async () => {
    const answer = await firstRefusal(world, key.secret, Date.now() + REFUSAL_WAIT_MS_MAX)
    return { answer, elapsedMs: performance.now() - start }
  }
  const [revoked, refused] = await Promise.all([revoke(), use()])
  for (const answer of [revoked.after, refused.answer]) {
    assert.equal(answer.status, 401)
    assert.equal(answer.code, 'REVOKED')
  }
  assert.equal(stringAt(revoked.answer, 'key', 'state'), 'deactivated')
  const position = numberAt(revoked.answer, 'position')
  screen.line(`privilegeWithdrawn: acknowledged, at position ${position} of the audit log`, revoked.elapsedMs)
  screen.line(
    `from the revoke call to the first refused call (${paint.bad('401 REVOKED')})`,
    refused.elapsedMs,
  )
  return position
}

/** Calls on and on until the first refusal. Rejects when there is none before `deadlineAt` (epoch ms). */
async function firstRefusal(world: World, secret: string, deadlineAt: number): Promise<ProviderAnswer> {
  while (Date.now() < deadlineAt) {
    const answer = await probe(world, secret)
    if (answer.status === 401) return answer
    accepted(answer)
    await delay(1)
  }
  throw new Error('the key is still accepted after the time at which it must be refused')
}

/** One harmless call that both keys are allowed to make. */
function probe(world: World, secret: string): Promise<ProviderAnswer> {
  if (world.chainUrl === undefined) return world.customer.market(secret, 'instruments')
  return world.customer.rpc(secret, 'eth_blockNumber')
}
