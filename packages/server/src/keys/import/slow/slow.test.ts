import assert from 'node:assert/strict'
import { argon2Sync, randomBytes, scryptSync } from 'node:crypto'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { test } from 'node:test'
import bcrypt from 'bcryptjs'
import fc from 'fast-check'
import { matches } from './matches.ts'
import { parseSlowHash, type SlowAlgorithm, type SlowHash, slowHashProblem } from './phc.ts'
import { SlowHashes, SlowHashesBusy, type SlowQuestion } from './pool.ts'

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replace(/=+$/, '')
const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(/\s/g, ''), 'hex')

function parsed(algorithm: SlowAlgorithm, text: string): SlowHash {
  return parseSlowHash(algorithm, text) ?? assert.fail(slowHashProblem(algorithm, text) ?? text)
}

function question(text: string, stored: string, input: Partial<SlowQuestion> = {}): SlowQuestion {
  return { sourceId: 'ims_1', keyId: 'key_1', hash: parsed('bcrypt', stored), text, ...input }
}

test('scrypt: the vectors of RFC 7914 section 12', () => {
  const nacl = `$scrypt$ln=10,r=8,p=9`
  assert.equal(
    parseSlowHash('scrypt', `${nacl}$${base64(Buffer.from('NaCl'))}$${base64(new Uint8Array(64))}`)
      ?.algorithm,
    'scrypt',
  )
  const tag =
    hex(`70 23 bd cb 3a fd 73 48 46 1c 06 cd 81 fd 38 eb fd a8 fb ba 90 4f 8e 3e a9 b5 43 f6 54 5d a1 f2
    d5 43 29 55 61 3f 0f cf 62 d4 97 05 24 2a 9a f9 e6 1e 85 dc 0d 65 1e 40 df cf 01 7b 45 57 58 87`)
  const text = `$scrypt$ln=14,r=8,p=1$${base64(Buffer.from('SodiumChloride'))}$${base64(tag)}`
  assert.ok(matches(parsed('scrypt', text), 'pleaseletmein'))
  assert.ok(!matches(parsed('scrypt', text), 'pleaseletmeim'))
})

test('argon2id: a hash of the reference implementation', () => {
  // From the tests of github.com/P-H-C/phc-winner-argon2: password, somesalt, 2 passes, 256 KiB, 1 lane.
  const text = '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4'
  assert.ok(matches(parsed('argon2id', text), 'password'))
  assert.ok(!matches(parsed('argon2id', text), 'Password'))
})

test('bcrypt: the three prefixes, and nothing that it would not have read', () => {
  const known = '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
  for (const prefix of ['$2a$', '$2b$', '$2y$'])
    assert.ok(matches(parsed('bcrypt', known.replace('$2a$', prefix)), 'U*U'))
  assert.ok(!matches(parsed('bcrypt', known), 'U*V'))
  const long = 'x'.repeat(72)
  const hash = parsed('bcrypt', bcrypt.hashSync(long, 4))
  assert.ok(matches(hash, long))
  assert.ok(!matches(hash, `${long}y`))
  assert.ok(!matches(parsed('bcrypt', bcrypt.hashSync('a', 4)), 'a\0b'))
})

test('what costs too much, or is not exactly one hash, is refused with what is accepted', () => {
  const [salt, hash] = [base64(randomBytes(16)), base64(randomBytes(32))]
  const wrong: Readonly<Record<SlowAlgorithm, readonly string[]>> = {
    bcrypt: ['$2b$15$', '$2b$03$', '$2x$05$', '2b$05$'].map((start) => `${start}${'a'.repeat(53)}`),
    argon2id: [
      `$argon2id$v=19$m=65537,t=1,p=1$${salt}$${hash}`,
      `$argon2id$v=19$m=65536,t=6,p=1$${salt}$${hash}`,
      `$argon2id$v=16$m=64,t=1,p=1$${salt}$${hash}`,
      `$argon2i$v=19$m=64,t=1,p=1$${salt}$${hash}`,
      `$argon2id$v=19$m=8,t=1,p=2$${salt}$${hash}`,
      `$argon2id$v=19$m=64,t=0,p=1$${salt}$${hash}`,
      `$argon2id$v=19$m=64,t=1,p=1$${salt}$${hash}=`,
      `$argon2id$v=19$m=64,t=1,p=1$${salt}$${base64(randomBytes(8))}`,
    ],
    scrypt: [
      `$scrypt$ln=17,r=8,p=1$${salt}$${hash}`,
      `$scrypt$ln=16,r=8,p=3$${salt}$${hash}`,
      `$scrypt$ln=0,r=8,p=1$${salt}$${hash}`,
      `$scrypt$ln=16,r=1,p=1$${salt}$${hash}`,
      `$scrypt$ln=4,r=8,p=1$${salt}$${hash}\n`,
    ],
  }
  for (const algorithm of ['bcrypt', 'argon2id', 'scrypt'] as const) {
    for (const text of [...wrong[algorithm], '', hash])
      assert.match(slowHashProblem(algorithm, text) ?? '', /^must be /, text)
  }
})

test('parsing never throws, and what is parsed can be compared', () => {
  const algorithms = fc.constantFrom('bcrypt', 'argon2id', 'scrypt')
  const near = fc
    .tuple(fc.nat(99_999), fc.nat(99), fc.nat(9), fc.base64String(), fc.base64String())
    .map(([a, b, c, salt, hash]) => [
      `$argon2id$v=19$m=${a},t=${b},p=${c}$${salt}$${hash}`,
      `$scrypt$ln=${b},r=${a % 100},p=${c}$${salt}$${hash}`,
    ])
  fc.assert(
    fc.property(
      algorithms,
      fc.oneof(
        fc.string(),
        near.map(([text]) => text ?? ''),
        near.map(([, text]) => text ?? ''),
      ),
      (algorithm, text) => {
        assert.equal(parseSlowHash(algorithm, text) === null, slowHashProblem(algorithm, text) !== null)
      },
    ),
    { numRuns: 2_000 },
  )
  const cheap = fc.record({
    ...{
      ln: fc.integer({ min: 1, max: 6 }),
      r: fc.integer({ min: 1, max: 3 }),
      p: fc.integer({ min: 1, max: 3 }),
    },
    text: fc.string(),
  })
  fc.assert(
    fc.property(cheap, ({ ln, r, p, text }) => {
      const [salt, passes] = [randomBytes(9), 1]
      const made = scryptSync(text, salt, 24, { cost: 2 ** ln, blockSize: r, parallelization: p })
      assert.ok(
        matches(parsed('scrypt', `$scrypt$ln=${ln},r=${r},p=${p}$${base64(salt)}$${base64(made)}`), text),
      )
      const costs = { memory: 8 * p, passes, parallelism: p, tagLength: 24 }
      const tag = argon2Sync('argon2id', { message: text, nonce: salt, ...costs })
      const phc = `$argon2id$v=19$m=${8 * p},t=1,p=${p}$${base64(salt)}$${base64(tag)}`
      assert.ok(matches(parsed('argon2id', phc), text))
    }),
    { numRuns: 30 },
  )
})

test('hashes are made beside the event loop', async (t) => {
  const pool = new SlowHashes(1)
  t.after(async () => pool.close())
  const stored = bcrypt.hashSync('right', 10)
  await pool.check(question('first', stored))
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  assert.ok(await pool.check(question('right', stored)))
  assert.ok(!(await pool.check(question('wrong', stored))))
  delay.disable()
  assert.ok(delay.percentile(90) < 20e6, `p90 ${delay.percentile(90)} ns`)
})

test('the same question is one piece of work, a wrong text is remembered, and bounds hold by key and source', async (t) => {
  const pool = new SlowHashes(1)
  t.after(async () => pool.close())
  const stored = bcrypt.hashSync('right', 8)
  const same = await Promise.all(
    Array.from({ length: 20 }, async () => pool.check(question('right', stored))),
  )
  assert.ok(same.every(Boolean))

  assert.ok(!(await pool.check(question('wrong', stored))))
  const started = performance.now()
  for (let i = 0; i < 200; i++) assert.ok(!(await pool.check(question('wrong', stored))))
  assert.ok(performance.now() - started < 200)

  const ofKey = await Promise.allSettled([1, 2, 3].map(async (i) => pool.check(question(`${i}`, stored))))
  assert.deepEqual(
    ofKey.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected'],
  )
  const ofSource = await Promise.allSettled(
    Array.from({ length: 10 }, async (_, i) => pool.check(question('right', stored, { keyId: `key_${i}` }))),
  )
  const refused = ofSource.filter(({ status }) => status === 'rejected')
  assert.equal(refused.length, 2)
  for (const each of refused) assert.ok(each.status === 'rejected' && each.reason instanceof SlowHashesBusy)
  assert.ok(await pool.check(question('right', stored, { keyId: 'key_9' })))
})

test('sources take turns: the flood of one does not keep another waiting', async (t) => {
  const pool = new SlowHashes(1)
  t.after(async () => pool.close())
  const stored = bcrypt.hashSync('right', 6)
  const order: string[] = []
  const ask = async (sourceId: string, keyId: string) => {
    await pool.check(question('right', stored, { sourceId, keyId }))
    order.push(sourceId)
  }
  const flood = Array.from({ length: 8 }, async (_, i) => ask('flood', `key_${i}`))
  await Promise.all([...flood, ask('quiet', 'key_q')])
  assert.ok(order.indexOf('quiet') <= 2, order.join(' '))
})

test('a thread that dies fails what it was at, and the next question is answered by another one', async (t) => {
  const pool = new SlowHashes(1)
  t.after(async () => pool.close())
  const stored = bcrypt.hashSync('right', 4)
  const broken = { algorithm: 'bcrypt', text: null } as unknown as SlowHash
  await assert.rejects(pool.check(question('x', stored, { hash: broken })))
  assert.ok(await pool.check(question('right', stored)))
})

test('closing gives up what is being made and what waits, and takes nothing more', async () => {
  const pool = new SlowHashes(1)
  const stored = bcrypt.hashSync('right', 12)
  const asked = [1, 2, 3].map(async (i) => pool.check(question('right', stored, { keyId: `key_${i}` })))
  const settled = Promise.allSettled(asked)
  await pool.close()
  for (const { status } of await settled) assert.equal(status, 'rejected')
  await assert.rejects(pool.check(question('right', stored)), SlowHashesBusy)
})
