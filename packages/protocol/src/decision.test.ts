import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { type ApiKeyParts, formatApiKey, keyDigestInput } from './api-key.ts'
import {
  decide,
  type Decision,
  type KeyRecord,
  type Question,
  type VerificationCode,
  VERSIONS_HELD_MAX,
} from './decision.ts'
import { KEY_STATES } from './lifecycle.ts'
import { compileGrants } from './permission.ts'

const NOW = 1_800_000_000_000
const hashText = (text: string): string => createHash('sha256').update(text).digest('base64url')

const PARTS: ApiKeyParts = {
  brand: 'ks',
  kind: 'key',
  environment: 'production',
  locator: '000000000001',
  secret: 'Az09'.repeat(8),
}
const digestOf = (secret: string): string => hashText(keyDigestInput(PARTS.locator, secret))
const TEXT = formatApiKey(PARTS)
const RETIRED_SECRET = 'Bz09'.repeat(8)
const RETIRED_TEXT = formatApiKey({ ...PARTS, secret: RETIRED_SECRET })

const RECORD: KeyRecord = {
  keyId: 'key_1',
  kind: 'key',
  projectId: 'prj_1',
  environment: 'production',
  ownerId: 'own_1',
  owner: { externalId: 'customer-1', json: '{}' },
  state: 'active',
  revocationReason: null,
  notBefore: null,
  expiresAt: null,
  policy: { grants: compileGrants(['market:read', '!market:write']), addresses: [] },
  versions: [
    { number: 2, digest: digestOf(PARTS.secret), acceptedUntil: null },
    { number: 1, digest: digestOf(RETIRED_SECRET), acceptedUntil: NOW },
  ],
}

const QUESTION: Question = {
  text: TEXT,
  kind: 'key',
  projectId: 'prj_1',
  environment: 'production',
  permission: null,
  address: null,
  now: NOW,
}

function ask(question: Partial<Question>, record: Partial<KeyRecord> = {}): Decision {
  const known = { ...RECORD, ...record }
  return decide(
    { ...QUESTION, ...question },
    (locator) => (locator === PARTS.locator ? known : undefined),
    hashText,
  )
}

interface Case {
  readonly name: string
  readonly question?: Partial<Question>
  readonly record?: Partial<KeyRecord>
  readonly code: VerificationCode
  readonly reason?: string
  readonly version?: number
}

const cases: readonly Case[] = [
  { name: 'a key in use', code: 'VALID' },
  { name: 'a key with the permission', question: { permission: 'market:read' }, code: 'VALID' },
  {
    name: 'a key without the permission',
    question: { permission: 'orders:trade' },
    code: 'INSUFFICIENT_PERMISSIONS',
  },
  {
    name: 'a key that is denied the permission',
    question: { permission: 'market:write' },
    code: 'INSUFFICIENT_PERMISSIONS',
  },
  {
    name: 'a deactivated key',
    record: { state: 'deactivated', revocationReason: 'superseded' },
    code: 'REVOKED',
    reason: 'superseded',
  },
  {
    name: 'a compromised key',
    record: { state: 'compromised', revocationReason: 'keyCompromise' },
    code: 'REVOKED',
    reason: 'keyCompromise',
  },
  { name: 'a suspended key', record: { state: 'suspended' }, code: 'SUSPENDED' },
  { name: 'a key at exactly expiresAt', record: { expiresAt: NOW }, code: 'EXPIRED', reason: 'expired' },
  { name: 'a key one millisecond before expiresAt', record: { expiresAt: NOW + 1 }, code: 'VALID' },
  { name: 'a key at exactly notBefore', record: { notBefore: NOW }, code: 'VALID' },
  { name: 'a key one millisecond before notBefore', record: { notBefore: NOW + 1 }, code: 'NOT_YET_ACTIVE' },
  {
    name: 'a key whose stored state is pre-active once its time has come',
    record: { state: 'pre-active', notBefore: NOW },
    code: 'VALID',
  },
  {
    name: 'an old version at the end of its overlap',
    question: { text: RETIRED_TEXT },
    code: 'EXPIRED',
    reason: 'rotated',
    version: 1,
  },
  {
    name: 'an old version one millisecond before that',
    question: { text: RETIRED_TEXT, now: NOW - 1 },
    code: 'VALID',
    version: 1,
  },
  // The order of the checks: what is final is told before what passes.
  {
    name: 'a revoked key that has expired too',
    record: { state: 'deactivated', revocationReason: 'unspecified', expiresAt: NOW - 1 },
    code: 'REVOKED',
    reason: 'unspecified',
  },
  {
    name: 'a suspended key that has expired',
    record: { state: 'suspended', expiresAt: NOW - 1 },
    code: 'EXPIRED',
    reason: 'expired',
  },
  {
    name: 'a suspended key before its first moment',
    record: { state: 'suspended', notBefore: NOW + 1 },
    code: 'SUSPENDED',
  },
  {
    name: 'a key before its first moment without the permission',
    question: { permission: 'orders:trade' },
    record: { notBefore: NOW + 1 },
    code: 'NOT_YET_ACTIVE',
  },
  {
    name: 'a caller that asks for any place',
    question: { projectId: null, environment: null },
    code: 'VALID',
  },
]

for (const { name, question, record, code, reason = null, version = 2 } of cases) {
  test(`${name} is answered ${code}${reason === null ? '' : ` (${reason})`}`, () => {
    const known = { ...RECORD, ...record }
    assert.deepEqual(ask(question ?? {}, record), { code, reason, record: known, version })
  })
}

/** Whatever is wrong before the secret and the place are right is the same answer. */
const unseen: readonly (readonly [name: string, question: Partial<Question>, record?: Partial<KeyRecord>])[] =
  [
    ['no key text', { text: 'hello' }],
    ['an empty text', { text: '' }],
    ['an unknown locator', { text: formatApiKey({ ...PARTS, locator: '999999999999' }) }],
    ['a wrong secret', { text: formatApiKey({ ...PARTS, secret: 'Cz09'.repeat(8) }) }],
    ['another project', { projectId: 'prj_2' }],
    ['another environment', { environment: 'staging' }],
    ['another kind', { kind: 'root' }],
    ['the kind of the text changed', { text: formatApiKey({ ...PARTS, kind: 'sig' }) }],
    ['the environment of the text changed', { text: formatApiKey({ ...PARTS, environment: 'staging' }) }],
    ['a record of another environment', {}, { environment: 'staging' }],
    ['a root key for an API key', {}, { kind: 'root' }],
    ['a destroyed key', {}, { state: 'destroyed' }],
    ['a key without versions', {}, { versions: [] }],
  ]

for (const [name, question, record] of unseen) {
  test(`${name} is the same NOT_FOUND`, () => {
    const never = decide({ ...QUESTION, text: 'hello' }, () => undefined, hashText)
    assert.deepEqual(never, { code: 'NOT_FOUND', reason: null, record: null, version: null })
    for (const state of record?.state === undefined ? KEY_STATES : [record.state])
      assert.strictEqual(ask(question, { state, expiresAt: NOW - 1, ...record }), never)
  })
}

test('every well-formed text costs one hash and one look-up, whether its key is known or not', () => {
  for (const locator of [PARTS.locator, '999999999999']) {
    let hashes = 0
    let lookups = 0
    decide(
      { ...QUESTION, text: formatApiKey({ ...PARTS, locator }) },
      (asked) => {
        lookups += 1
        return asked === PARTS.locator ? RECORD : undefined
      },
      (text) => {
        hashes += 1
        return hashText(text)
      },
    )
    assert.deepEqual({ hashes, lookups }, { hashes: 1, lookups: 1 })
  }
})

test('a text that is no key costs neither', () => {
  const refuse = (): never => {
    throw new Error('asked')
  }
  assert.equal(decide({ ...QUESTION, text: 'ks_key_live_nothing' }, refuse, refuse).code, 'NOT_FOUND')
})

test('a digest copied to the row of another locator verifies nothing', () => {
  const thief: ApiKeyParts = { ...PARTS, locator: '000000000002' }
  const decision = decide({ ...QUESTION, text: formatApiKey(thief) }, () => RECORD, hashText)
  assert.equal(decision.code, 'NOT_FOUND')
})

test('only the versions that a verifier holds are compared', () => {
  const filler = { number: 9, digest: digestOf('Dz09'.repeat(8)), acceptedUntil: null }
  const current = { number: 1, digest: digestOf(PARTS.secret), acceptedUntil: null }
  const held = [...Array.from({ length: VERSIONS_HELD_MAX - 1 }, () => filler), current]
  assert.equal(ask({}, { versions: held }).code, 'VALID')
  assert.equal(ask({}, { versions: [filler, ...held] }).code, 'NOT_FOUND')
})

test('no text, state or time makes it throw, and only the right text is ever VALID', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 100 }),
    fc.constant(TEXT),
    fc.string({ maxLength: 10 }).map((tail) => TEXT + tail),
  )
  const time = fc.option(fc.integer({ min: NOW - 2, max: NOW + 2 }))
  const state = fc.constantFrom(...KEY_STATES)
  fc.assert(
    fc.property(text, state, time, time, time, (given, stored, notBefore, expiresAt, now) => {
      const { code, record } = ask({ text: given, now: now ?? NOW }, { state: stored, notBefore, expiresAt })
      assert.equal(record === null, code === 'NOT_FOUND')
      if (code === 'VALID') assert.equal(given, TEXT)
    }),
    { numRuns: 3_000 },
  )
})
