import assert from 'node:assert/strict'
import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { StartError } from '../errors.ts'
import { systemRandom } from '../random.ts'
import { temporaryFolder } from '../world.test-support.ts'
import { type FileSealOptions, openFileSeal } from './file.ts'

const PASSPHRASE = 'correct horse battery staple'

const refusal = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof StartError, String(error))
  assert.match(error.message, pattern)
  assert.ok(!error.message.includes('\n') && !error.message.includes(PASSPHRASE))
  return true
}

function options(t: TestContext, passphrase: string | null): FileSealOptions {
  const dataDir = temporaryFolder(t)
  if (passphrase === null) return { dataDir, passphraseFile: null, random: systemRandom }
  const passphraseFile = join(temporaryFolder(t), 'passphrase')
  writeFileSync(passphraseFile, passphrase, { mode: 0o600 })
  return { dataDir, passphraseFile, random: systemRandom }
}

async function rootKey(given: FileSealOptions, create: boolean): Promise<string> {
  const seal = await openFileSeal(given, create)
  using root = await seal.unseal()
  return Buffer.from(root.reveal()).toString('hex')
}

for (const passphrase of [null, `${PASSPHRASE}\n`]) {
  const kind = passphrase === null ? 'key file' : 'passphrase'

  test(`what a ${kind} sealed it opens again, with the same root key`, async (t) => {
    const given = options(t, passphrase)
    const first = await rootKey(given, true)
    assert.equal(first.length, 64)
    assert.equal(await rootKey(given, false), first)
    // A start that was killed before it made the database starts over, and keeps the root key.
    assert.equal(await rootKey(given, true), first)
  })

  test(`every file that a ${kind} seal makes is for its owner only, and holds neither root key nor passphrase`, async (t) => {
    const given = options(t, passphrase)
    const root = await rootKey(given, true)
    for (const file of passphrase === null ? ['keystore.json', 'seal.key'] : ['keystore.json']) {
      const path = join(given.dataDir, file)
      assert.equal(statSync(path).mode & 0o777, 0o600)
      const text = readFileSync(path, 'utf8')
      for (const encoding of ['hex', 'base64', 'base64url'] as const)
        assert.ok(!text.includes(Buffer.from(root, 'hex').toString(encoding)))
      assert.ok(!text.includes(PASSPHRASE))
    }
  })
}

test('a seal by a key file is warned of at every start, one by a passphrase is not', async (t) => {
  const weak = options(t, null)
  assert.match((await openFileSeal(weak, true)).warning ?? '', /KEYSTEAD_SEAL_PASSPHRASE_FILE/)
  assert.match((await openFileSeal(weak, false)).warning ?? '', /KEYSTEAD_SEAL_PASSPHRASE_FILE/)
  assert.equal((await openFileSeal(options(t, PASSPHRASE), true)).warning, null)
})

test('a wrong passphrase opens nothing, and the right one still does afterwards', async (t) => {
  const given = options(t, PASSPHRASE)
  const root = await rootKey(given, true)
  const wrong = options(t, `${PASSPHRASE}!`)
  await assert.rejects(
    rootKey({ ...wrong, dataDir: given.dataDir }, false),
    refusal(/The passphrase does not open .*keystore\.json/),
  )
  assert.equal(await rootKey(given, false), root)
})

test('only the last newline of the passphrase file is dropped', async (t) => {
  const given = options(t, `${PASSPHRASE}\r\n`)
  const root = await rootKey(given, true)
  assert.equal(await rootKey({ ...options(t, PASSPHRASE), dataDir: given.dataDir }, false), root)
  await assert.rejects(
    rootKey({ ...options(t, `${PASSPHRASE} \n`), dataDir: given.dataDir }, false),
    refusal(/does not open/),
  )
})

test('a passphrase that is missing, unreadable, too short or open to others is refused', async (t) => {
  const given = options(t, PASSPHRASE)
  await rootKey(given, true)
  await assert.rejects(
    rootKey({ ...given, passphraseFile: null }, false),
    refusal(/KEYSTEAD_SEAL_PASSPHRASE_FILE/),
  )
  await assert.rejects(rootKey({ ...given, passphraseFile: '/nonexistent' }, false), refusal(/ENOENT/))
  await assert.rejects(rootKey({ ...given, passphraseFile: given.dataDir }, false), StartError)
  await assert.rejects(rootKey(options(t, 'too short\n'), true), refusal(/shorter than 12/))
  for (const mode of [0o644, 0o640, 0o604, 0o620]) {
    chmodSync(given.passphraseFile ?? '', mode)
    await assert.rejects(rootKey(given, false), refusal(/can be read by others: run chmod 600/))
  }
})

test('a passphrase that is refused leaves no keystore behind', async (t) => {
  const given = options(t, 'too short')
  await assert.rejects(rootKey(given, true), StartError)
  writeFileSync(given.passphraseFile ?? '', PASSPHRASE)
  await rootKey(given, true)
})

test('a key file that is open to others, damaged, missing or another one is refused', async (t) => {
  const given = options(t, null)
  await rootKey(given, true)
  const path = join(given.dataDir, 'seal.key')
  const text = readFileSync(path, 'utf8')
  chmodSync(path, 0o644)
  await assert.rejects(rootKey(given, false), refusal(/run chmod 600/))
  chmodSync(path, 0o600)
  writeFileSync(path, text.slice(5))
  await assert.rejects(rootKey(given, false), refusal(/seal\.key is damaged/))
  writeFileSync(path, `${Buffer.alloc(32, 1).toString('base64url')}\n`)
  await assert.rejects(rootKey(given, false), refusal(/seal\.key does not open/))
  rmSync(path)
  await assert.rejects(rootKey(given, false), refusal(/seal\.key cannot be read \(ENOENT\)/))
  writeFileSync(path, text, { mode: 0o600 })
  await rootKey(given, false)
})

test('a first start that was killed between its two files is taken up again', async (t) => {
  const given = options(t, null)
  await rootKey(given, true)
  const key = readFileSync(join(given.dataDir, 'seal.key'), 'utf8')
  rmSync(join(given.dataDir, 'keystore.json'))
  await rootKey(given, true)
  assert.equal(readFileSync(join(given.dataDir, 'seal.key'), 'utf8'), key)
})

test('a keystore that is missing beside a database is never made anew', async (t) => {
  const given = options(t, null)
  await assert.rejects(rootKey(given, false), refusal(/is missing: .*backup/))
})

test('a damaged keystore is refused with one line, whatever is wrong with it', async (t) => {
  for (const passphrase of [null, PASSPHRASE]) {
    const given = options(t, passphrase)
    await rootKey(given, true)
    const path = join(given.dataDir, 'keystore.json')
    const file = JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>
    const flip = (text: string | undefined): string =>
      `${text?.[0] === 'A' ? 'B' : 'A'}${text?.slice(1) ?? ''}`
    const damaged: unknown[] = [null, [], {}, 'x', { ...file, v: 2 }, { ...file, seal: 'other' }]
    for (const field of ['salt', 'nonce', 'wrapped']) {
      for (const value of [undefined, '', 7, 'A', '!!!!', `${file[field] ?? ''}AAAA`])
        damaged.push({ ...file, [field]: value })
    }
    damaged.push({ ...file, nonce: flip(file['nonce']) }, { ...file, wrapped: flip(file['wrapped']) })
    if (passphrase !== null) damaged.push({ ...file, salt: flip(file['salt']) })
    for (const content of damaged) {
      writeFileSync(path, JSON.stringify(content))
      // The salt does not count where there is no passphrase to stretch.
      if (passphrase === null && (content as { salt?: unknown } | null)?.salt !== file['salt']) continue
      await assert.rejects(rootKey(given, false), refusal(/keystore\.json/), JSON.stringify(content))
    }
    writeFileSync(path, 'not JSON')
    await assert.rejects(rootKey(given, false), refusal(/keystore\.json/))
    writeFileSync(path, JSON.stringify(file))
    await rootKey(given, false)
  }
})
