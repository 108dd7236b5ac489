// Real server processes on a real PostgreSQL (T-23, T-24).
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { requireOrSkip } from '../tools/required.ts'
import { Api } from './api.ts'
import { PostgresInstallation } from './postgres-installation.ts'
import type { Program } from './program.ts'

interface Server {
  readonly program: Program
  readonly api: Api
}

interface Issued {
  readonly key: { readonly id: string }
  readonly secret: string
}

interface Answer {
  readonly code: string
  readonly ageMs?: number
}

const DAY_MS = 86_400_000

/** Two servers on one database, and a credential for verifying. */
async function twoServers(t: TestContext): Promise<{
  installation: PostgresInstallation
  a: Server
  b: Server
  gateway: string
  ownerId: string
} | null> {
  const installation = await PostgresInstallation.start()
  if (!requireOrSkip(t, installation !== null, 'PostgreSQL (install postgresql)') || installation === null)
    return null
  const programs: Program[] = []
  t.after(async () => {
    for (const { child } of programs) child.kill('SIGCONT')
    await Promise.all(programs.map(async (program) => program.end('SIGKILL')))
    await installation.stop()
  })
  const start = async (): Promise<Server> => {
    const program = installation.launch(installation.newFolder())
    programs.push(program)
    const api = new Api(await program.ready, installation.bootstrapKey)
    t.after(() => api.close())
    return { program, api }
  }
  const [a, b] = [await start(), await start()]
  const credential = {
    environment: 'production',
    permissions: ['keys:verify'],
    expiresAt: Date.now() + DAY_MS,
  }
  const gateway = (await a.api.json<Issued>('POST', '/v1/root-keys', credential)).secret
  const owner = await a.api.json<{ id: string }>('POST', '/v1/owners', { externalId: 'o-1', name: 'Desk' })
  return { installation, a, b, gateway, ownerId: owner.id }
}

const issue = async ({ api }: Server, ownerId: string): Promise<Issued> =>
  api.json('POST', '/v1/keys', { environment: 'production', ownerId, permissions: ['market:read'] })

const verify = async ({ api }: Server, key: string, gateway: string): Promise<Answer> =>
  JSON.parse((await api.send('POST', '/v1/keys:verify', { key }, gateway)).text) as Answer

const revoke = async ({ api }: Server, id: string): Promise<unknown> =>
  api.json('POST', `/v1/keys/${id}/revoke`, { reason: 'keyCompromise' })

/** Asks until it is so; a test that waits for what never comes ends at its own timeout. */
async function eventually(holds: () => Promise<boolean>): Promise<number> {
  const before = performance.now()
  while (!(await holds())) await new Promise((done) => setTimeout(done, 10))
  return performance.now() - before
}

test('two servers on one database agree: issued by one, valid at the other, revoked by one, refused by the other', async (t) => {
  const started = await twoServers(t)
  if (started === null) return
  const { a, b, gateway, ownerId } = started
  const { key, secret } = await issue(a, ownerId)
  await eventually(async () => (await verify(b, secret, gateway)).code === 'VALID')
  const { ageMs } = await verify(b, secret, gateway)
  assert.ok(ageMs !== undefined && ageMs < 5_000)
  await revoke(a, key.id)
  assert.equal((await verify(a, secret, gateway)).code, 'REVOKED')
  const tookMs = await eventually(async () => (await verify(b, secret, gateway)).code === 'REVOKED')
  t.diagnostic(`revoked at the other after ${tookMs.toFixed(0)} ms`)
  const note = async ({ api }: Server): Promise<string> =>
    (await api.send('GET', '/v1/audit/log/checkpoint')).text
  await eventually(async () => (await note(a)) === (await note(b)))
})

test('a server that is stopped while it gives out positions is taken over from within 5 seconds, and wakes up stale', async (t) => {
  const started = await twoServers(t)
  if (started === null) return
  const { a, b, gateway, ownerId } = started
  const { key, secret } = await issue(a, ownerId)
  a.program.child.kill('SIGSTOP')
  const stoppedAt = performance.now()
  await issue(b, ownerId)
  const tookMs = performance.now() - stoppedAt
  t.diagnostic(`taken over after ${tookMs.toFixed(0)} ms`)
  assert.ok(tookMs < 5_000, `${tookMs} ms`)
  await revoke(b, key.id)
  const left = 5_500 - (performance.now() - stoppedAt)
  await new Promise((done) => setTimeout(done, left))
  a.program.child.kill('SIGCONT')
  // What it held when it was stopped is too old: it says so, or it has caught up. It never accepts the key.
  assert.match((await verify(a, secret, gateway)).code, /^(verification\.stale|REVOKED)$/)
  await eventually(async () => (await verify(a, secret, gateway)).code === 'REVOKED')
  await issue(a, ownerId)
})

test('when the database server is killed no key is accepted after 5 seconds; when it is back, all is as it was', async (t) => {
  const started = await twoServers(t)
  if (started === null) return
  const { installation, a, b, gateway, ownerId } = started
  const { secret } = await issue(a, ownerId)
  await installation.cluster.kill()
  const killedAt = performance.now()
  for (const server of [a, b]) {
    await eventually(async () => (await verify(server, secret, gateway)).code === 'verification.stale')
    assert.equal((await server.api.send('GET', '/readyz')).status, 503)
  }
  const staleAfterMs = performance.now() - killedAt
  t.diagnostic(`stale after ${staleAfterMs.toFixed(0)} ms`)
  assert.ok(staleAfterMs < 7_000)
  await installation.cluster.restart()
  for (const server of [a, b])
    await eventually(async () => (await verify(server, secret, gateway)).code === 'VALID')
  await issue(a, ownerId)
  await issue(b, ownerId)
})

test('a server that is stopped inside a transaction keeps others from its rows for seconds only', async (t) => {
  const started = await twoServers(t)
  if (started === null) return
  const { installation, a, b, gateway, ownerId } = started
  const { key, secret } = await issue(a, ownerId)
  // After the row is locked and before the COMMIT is sent: long enough to stop the server there.
  await installation.sql(`
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1); RETURN NULL; END $$;
    CREATE TRIGGER slow AFTER UPDATE ON api_key FOR EACH ROW WHEN (NEW.name = 'slow') EXECUTE FUNCTION slow()`)
  const renaming = a.api.send('PATCH', `/v1/keys/${key.id}`, { name: 'slow' })
  await eventually(
    async () =>
      (await installation.sql("SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'")).length > 0,
  )
  a.program.child.kill('SIGSTOP')
  const stoppedAt = performance.now()
  await revoke(b, key.id)
  const tookMs = performance.now() - stoppedAt
  t.diagnostic(`revoked after ${tookMs.toFixed(0)} ms`)
  assert.ok(tookMs < 8_000, `${tookMs} ms`)
  assert.equal((await verify(b, secret, gateway)).code, 'REVOKED')
  a.program.child.kill('SIGCONT')
  assert.ok((await renaming).status >= 400)
})
