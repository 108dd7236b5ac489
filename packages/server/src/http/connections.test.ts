// Clients that hold connections without making requests of them.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { test, type TestContext } from 'node:test'
import { aKey } from '../keys/keys.test-support.ts'
import { openWorld } from '../world.test-support.ts'
import { type Api, openApiOver, servicesOf } from './api.test-support.ts'
import { HTTP_LIMITS } from './connections.ts'
import { createHttpServer } from './server.ts'

/** Not a trusted proxy of the tests. */
const STRANGER = '127.0.0.2'
const LIMITS = { headersMs: 500, requestMs: 1_000, connections: 60, connectionsOfAddress: 20 }
/** The server looks once a second. */
const LATE_MS = 2_500
/** On a busy machine; without the bounds it would be for ever. */
const ANSWER_MS_MAX = 1_000

async function opened(t: TestContext): Promise<Api> {
  return openApiOver(t, await openWorld(t), LIMITS)
}

function dial(t: TestContext, api: Api, localAddress: string): Socket {
  const socket = connect({ host: '127.0.0.1', port: api.port, localAddress })
  socket.on('error', () => undefined)
  t.after(() => socket.destroy())
  return socket
}

/** Writes a byte every 50 ms until the other side has had enough; resolves with what it said, and after how long. */
async function dribble(socket: Socket, text: string): Promise<{ said: string; ms: number }> {
  const started = performance.now()
  let said = ''
  socket.on('data', (chunk) => (said += String(chunk)))
  // Not by once(): a reset is an end like another.
  const closed = new Promise<void>((done) => socket.once('close', () => done()))
  let isOpen = true
  void closed.then(() => {
    isOpen = false
  })
  for (let at = 0; isOpen && at < text.length; at++) {
    socket.write(text.charAt(at))
    await sleep(50)
  }
  await closed
  return { said, ms: performance.now() - started }
}

async function slowestVerification(api: Api, until: Promise<unknown>): Promise<number> {
  const { secret } = await aKey(api.world)
  const credential = await api.rootKey(['keys:verify'])
  let [slowest, isOver] = [0, false]
  void until.finally(() => {
    isOver = true
  })
  while (!isOver) {
    const started = performance.now()
    const { json } = await api.call('POST', '/v1/keys:verify', { credential, body: { key: secret.reveal() } })
    assert.equal(json['code'], 'VALID')
    slowest = Math.max(slowest, performance.now() - started)
    await sleep(20)
  }
  return slowest
}

const LONG = 'x'.repeat(1_000)

const POST = 'HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n'
for (const [what, head] of [
  ['headers', 'GET /v1/keys HTTP/1.1\r\nhost: x\r\nx-slow: '],
  ['bodies of strangers', `POST /v1/projects ${POST}\r\n`],
  ['bodies of operators', `POST /v1/projects ${POST}authorization: Bearer ROOT\r\n\r\n`],
  ['bodies of verifications', `POST /v1/keys:verify ${POST}\r\n`],
  ['nothing at all', null],
] as const)
  test(`slow ${what} are ended in time, and meanwhile others are answered`, async (t) => {
    const api = await opened(t)
    const sockets = Array.from({ length: 15 }, () => dial(t, api, STRANGER))
    const ended = Promise.all(
      sockets.map(async (socket) => {
        if (head === null) return dribble(socket, '')
        socket.write(head.replace('ROOT', api.world.bootstrap))
        return dribble(socket, LONG)
      }),
    )
    assert.ok((await slowestVerification(api, ended)) < ANSWER_MS_MAX)
    for (const { said, ms } of await ended) {
      assert.ok(ms < LIMITS.requestMs + LATE_MS, `${ms} ms`)
      assert.match(said, /^(HTTP\/1\.1 (408|401) |$)/)
    }
  })

test('one address takes no more than its share, and others are served', async (t) => {
  const api = await opened(t)
  const sockets = Array.from({ length: 40 }, () => dial(t, api, STRANGER))
  await Promise.all(sockets.map(async (socket) => once(socket, 'connect')))
  await sleep(100)
  const left = sockets.filter(({ destroyed }) => !destroyed)
  assert.equal(left.length, LIMITS.connectionsOfAddress)
  assert.equal((await api.call('GET', '/v1/projects')).status, 200)
  const { text } = await api.call('GET', '/metrics')
  assert.match(text, /^keystead_connections_refused_total\{why="address"\} 20$/m)
  // Whoever goes makes room.
  for (const socket of left) socket.destroy()
  await sleep(100)
  const next = dial(t, api, STRANGER)
  await once(next, 'connect')
  await sleep(50)
  assert.equal(next.destroyed, false)
})

test('all together take no more than the server has, and those that are there go on', async (t) => {
  const api = await opened(t)
  assert.equal((await api.call('GET', '/v1/projects')).status, 200)
  const sockets = ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5'].flatMap((from) =>
    Array.from({ length: LIMITS.connectionsOfAddress }, () => dial(t, api, from)),
  )
  await sleep(200)
  const { text } = await api.call('GET', '/metrics')
  assert.match(text, /^keystead_connections_refused_total\{why="all"\} \d+$/m)
  for (const socket of sockets) socket.destroy()
  await sleep(100)
  assert.equal((await api.call('GET', '/v1/projects')).status, 200)
})

test('a client that is slow for ever does not keep the server from stopping', async (t) => {
  const world = await openWorld(t)
  const server = createHttpServer(servicesOf(t, world), world.log, () => null, null, LIMITS)
  const port = await server.listen('127.0.0.1', 0)
  const socket = connect({ host: '127.0.0.1', port })
  const dribbled = dribble(socket, `GET /v1/keys HTTP/1.1\r\nhost: x\r\nx-slow: ${LONG}`)
  await sleep(100)
  const started = performance.now()
  await server.close()
  assert.ok(performance.now() - started < LIMITS.requestMs + LATE_MS)
  await dribbled
})

test('the bounds that are served leave files for the store', () => {
  assert.ok(HTTP_LIMITS.connections < 1_024 - 100)
  assert.ok(HTTP_LIMITS.connectionsOfAddress * 4 <= HTTP_LIMITS.connections)
})
