import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Proxy } from '../packages/server/src/storage/postgres/proxy.test-support.ts'
import { type Api, openServer } from './api.ts'
import { keystead } from './program.ts'

test('a key whose answer was lost on its way is issued once, and the command says that its secret is lost', async (t) => {
  const { folder, url, credentialFile, api } = await openServer(t)
  const proxy = await Proxy.open(t, url)
  const env = { KEYSTEAD_URL: proxy.url, KEYSTEAD_CREDENTIAL_FILE: credentialFile }

  const suspended = await created(api)
  const cut = proxy.cutAt(/POST \/v1\/keys\/key_\w+\/suspend /, 'after')
  const { code, err } = await keystead(['keys', 'suspend', suspended], env)
  await cut
  assert.equal(code, 0, err)
  assert.match((await api.send('GET', `/v1/keys/${suspended}`)).text, /"state":"suspended"/)

  const before = await countKeys(api)
  const cutAgain = proxy.cutAt(/POST \/v1\/keys\/key_\w+\/rotate /, 'after')
  const rotated = await created(api)
  const secretFile = join(folder, 'secret')
  const lost = await keystead(['keys', 'rotate', rotated, '--secret-file', secretFile], env)
  await cutAgain
  assert.equal(lost.code, 1, lost.err)
  assert.match(lost.err, new RegExp(rotated))
  assert.match(lost.err, /the answer with its secret was lost on its way: rotate the key/)
  await assert.rejects(readFile(secretFile))
  assert.equal(await countKeys(api), before + 1)
  const versions = JSON.parse((await api.send('GET', `/v1/keys/${rotated}`)).text) as { versions: unknown[] }
  assert.equal(versions.versions.length, 2)
})

async function created(api: Api): Promise<string> {
  const owner = await api.send('POST', '/v1/owners', { externalId: `o-${Math.random()}` })
  const ownerId = (JSON.parse(owner.text) as { id: string }).id
  const body = { environment: 'production', ownerId, permissions: ['market:read'] }
  const key = await api.send('POST', '/v1/keys', body)
  return (JSON.parse(key.text) as { key: { id: string } }).key.id
}

async function countKeys(api: Api): Promise<number> {
  return (JSON.parse((await api.send('GET', '/v1/keys?limit=200')).text) as { items: unknown[] }).items.length
}
