import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Api } from './api.ts'
import { launchServer, type Program } from './program.ts'

test('a stop that cannot write one of its files says which, does all the rest, and the next start goes on', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'keystead-stop-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const [dataDir, guards] = [join(folder, 'data'), join(folder, 'guards')]
  const env = { KEYSTEAD_GUARD_FILE: join(guards, 'checkpoint.guard') }
  const start = async (): Promise<{ server: Program; api: Api }> => {
    const server = launchServer(dataDir, { env })
    t.after(async () => server.end('SIGKILL'))
    const url = await server.ready
    const api = new Api(url, readFileSync(join(dataDir, 'bootstrap-key'), 'utf8').trim())
    t.after(() => api.close())
    return { server, api }
  }
  const first = await start()
  rmSync(guards, { recursive: true })
  await first.api.json('POST', '/v1/projects', { name: 'unguarded' })
  first.api.close()
  await first.server.end('SIGTERM')
  assert.equal(await first.server.exited, 1)
  assert.match(first.server.state(), /"server\.stop_failed".*checkpoint\.guard: ENOENT/)
  assert.ok(existsSync(join(dataDir, 'index.snapshot')), 'what comes after the guard is done')
  mkdirSync(guards)
  const { server, api } = await start()
  assert.match((await api.send('GET', '/v1/projects')).text, /unguarded/)
  api.close()
  await server.end('SIGTERM')
  assert.equal(await server.exited, 0)
  assert.ok(existsSync(env.KEYSTEAD_GUARD_FILE))
})
