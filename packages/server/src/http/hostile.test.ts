// Attacks on requests that are under way: cut off, held back, or answered in the wrong order.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { aRootKey } from '../keys/keys.test-support.ts'
import { revokeKey } from '../keys/revoke.ts'
import { may } from '../world.test-support.ts'
import { type Api, openApi } from './api.test-support.ts'

async function dial(api: Api): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: api.port })
  await once(socket, 'connect')
  return socket
}

/** Everything that comes until the other side closes. */
async function rest(socket: Socket): Promise<string> {
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  return text
}

test('a stranger who cuts off a body that was refused as too large stops nothing (T-13)', async (t) => {
  const api = await openApi(t)
  for (let i = 0; i < 5; i++) {
    const socket = await dial(api)
    socket.on('error', () => undefined)
    socket.write(
      'POST /v1/keys:verify HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n',
    )
    socket.write('x'.repeat(5_000))
    await once(socket, 'data')
    socket.resetAndDestroy()
    await once(socket, 'close')
  }
  assert.equal((await api.call('GET', '/v1/projects')).status, 200)
})

test('a credential that is revoked while a body is on its way is refused when the body is there (T-08)', async (t) => {
  const api = await openApi(t)
  const { world } = api
  const thief = await aRootKey(world, { projectId: null, environment: null, permissions: ['*'] })
  const body = JSON.stringify({ name: 'afterlife' })
  const socket = await dial(api)
  socket.write(
    `POST /v1/projects HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer ${thief.secret.reveal()}\r\n` +
      `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body.slice(0, 5)}`,
  )
  // An answer to a later request shows that the first one has been read so far.
  assert.equal((await api.call('GET', '/v1/projects')).status, 200)
  await revokeKey(world.domain, may('root-keys:revoke'), 'root', thief.key.id, 'keyCompromise')
  const { size } = world.store.head()
  socket.write(body.slice(5))
  assert.match(await rest(socket), /^HTTP\/1\.1 401 /)
  assert.equal(world.store.head().size, size)
})

test('what cannot be read is never answered in the place of an earlier request (T-12)', async (t) => {
  const api = await openApi(t)
  const socket = await dial(api)
  socket.on('error', () => undefined)
  socket.write(
    `GET /v1/projects HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${api.world.bootstrap}\r\n\r\nGARBAGE\r\n\r\n`,
  )
  const answers = await rest(socket).catch(() => '')
  assert.doesNotMatch(answers, /^HTTP\/1\.1 400 /)
})
