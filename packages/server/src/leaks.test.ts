// T-11: no secret ends in a log line, in a file, or in an answer that is not its own.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseApiKey } from '@keystead/protocol/api-key'
import { handOver } from './bootstrap-key.ts'
import { openFileSeal } from './keystore/file.ts'
import { anOwner } from './keys/keys.test-support.ts'
import { systemRandom } from './random.ts'
import { Secret } from './secret.ts'
import { countUses, temporaryFolder } from './world.test-support.ts'
import { openApi } from './http/api.test-support.ts'

test('no secret occurs in the log, in a file of the data folder or in an error, in a whole life of keys', async (t) => {
  const api = await openApi(t)
  const { world } = api
  const issued: string[] = [world.bootstrap]
  const errors: string[] = []
  const call = async (method: string, path: string, body: unknown, credential = world.bootstrap) => {
    const answer = await api.call(method, path, { body, credential })
    const secret = answer.json?.['secret']
    if (typeof secret === 'string') issued.push(secret)
    if (answer.status >= 400) errors.push(answer.text + JSON.stringify(answer.headers))
    return answer.json
  }
  const owner = await anOwner(world)
  const permissions = ['market:read']
  const made = await call('POST', '/v1/keys', { environment: 'production', ownerId: owner.id, permissions })
  const id = String(made['key']?.['id'])
  const root = await call('POST', '/v1/root-keys', {
    environment: 'production',
    permissions: ['keys:verify', 'keys:read'],
    expiresAt: world.clock.now + 1_000,
  })
  const credential = String(root['secret'])
  for (const key of [...issued]) {
    await call('POST', '/v1/keys:verify', { key }, credential)
    await call('POST', '/v1/keys:verify', { key, permission: 'a:b', [key]: 1 }, credential)
    await call('GET', `/v1/keys/${key}`, undefined, credential)
    await call('GET', `/v1/keys?cursor=${key}`, undefined, credential)
    await call('POST', '/v1/projects', { name: 1, secret: key }, credential)
    await call('GET', '/v1/nothing', undefined, key)
    await call('GET', '/v1/keys', undefined, `${key}x`)
  }
  await call('POST', `/v1/keys/${id}/rotate`, { overlapSeconds: 60 })
  world.database.writer.exec("UPDATE owner SET name = 'x'")
  await call('GET', `/v1/owners/${owner.id}`, undefined)
  await call('POST', `/v1/keys/${id}/revoke`, {})
  await countUses(world)
  await world.publisher.publish()
  assert.ok(issued.length >= 4 && errors.length >= 8)

  const secrets = issued.flatMap((text) => [text, parseApiKey(text)?.secret ?? text])
  const files = readdirSync(world.folder).filter((name) => statSync(join(world.folder, name)).isFile())
  assert.ok(files.includes('keystead.db') && files.includes('keystead.db-wal'))
  const places = new Map<string, Buffer>([
    ...files.map((name) => [name, readFileSync(join(world.folder, name))] as const),
    ['log', Buffer.from(world.logLines.join(''))],
  ])
  for (const [place, bytes] of places) {
    for (const secret of secrets) {
      for (const form of [
        secret,
        Buffer.from(secret).toString('hex'),
        Buffer.from(secret).toString('base64url'),
      ])
        assert.ok(!bytes.includes(form), `${place} holds ${form.slice(0, 4)}...`)
    }
  }
  // What a caller wrote into a path or a field name is its own; the log and the files are ours.
  for (const error of errors)
    assert.ok(!secrets.some((secret) => error.includes(secret) && !/is not known/.test(error)), error)
})

test('no passphrase occurs in a file of the data folder', async (t) => {
  const dataDir = temporaryFolder(t)
  const passphraseFile = join(temporaryFolder(t), 'passphrase')
  const passphrase = 'correct horse battery staple'
  const { writeFileSync } = await import('node:fs')
  writeFileSync(passphraseFile, passphrase, { mode: 0o600 })
  const seal = await openFileSeal({ dataDir, passphraseFile, random: systemRandom }, true)
  using root = await seal.unseal()
  for (const name of readdirSync(dataDir)) {
    const bytes = readFileSync(join(dataDir, name))
    assert.ok(!bytes.includes(passphrase))
    assert.ok(!bytes.includes(Buffer.from(root.reveal()).toString('base64url')))
  }
})

test('the bootstrap key is shown on a terminal only, and otherwise put into a file for its owner', (t) => {
  const dataDir = temporaryFolder(t)
  const secret = new Secret('ks_root_live_synthetic')
  const written: string[] = []
  const output = { write: (text: string) => written.push(text) }
  handOver(secret, dataDir, { ...output, isTTY: true })
  assert.ok(written.join('').includes('ks_root_live_synthetic'))
  assert.deepEqual(readdirSync(dataDir), [])
  written.length = 0
  for (let i = 0; i < 2; i++) handOver(secret, dataDir, output)
  assert.ok(!written.join('').includes('ks_root_live_synthetic'))
  const path = join(dataDir, 'bootstrap-key')
  assert.ok(written.join('').includes(path))
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.equal(readFileSync(path, 'utf8'), 'ks_root_live_synthetic\n')
})
