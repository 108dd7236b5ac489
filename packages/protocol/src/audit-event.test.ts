import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AUDIT_ACTIONS } from './audit-actions.ts'
import {
  type AuditEvent,
  AuditEventError,
  canonicalEvent,
  EVENT_BYTES_MAX,
  parseAuditEvent,
  sealEvent,
  splitLeaf,
} from './audit-event.ts'
import { utf8Encode } from './bytes.ts'
import { canonicalJson, type JsonValue } from './canonical-json.ts'

const ULID = '01jd0000000000000000000000'
const BYTES_32 = 'A'.repeat(43)
const EVENT: AuditEvent = {
  v: 1,
  id: `evt_${ULID}`,
  nonce: 'A'.repeat(22),
  at: '2026-11-22T04:12:33.123Z',
  boot: `boot_${ULID}`,
  node: 'api-1',
  project: `prj_${ULID}`,
  environment: 'production',
  action: 'key.revoked',
  outcome: 'success',
  reason: 'keyCompromise',
  actor: { type: 'root_key', id: `key_${ULID}` },
  targets: [
    {
      type: 'api_key',
      id: `key_${ULID}`,
      version: 7,
      state: ['active', 'compromised'],
      commitment: BYTES_32,
    },
  ],
  request: { id: `req_${ULID}`, operation: 'keys.revoke' },
  details: { locator: 'abc', permissions: ['market:read'], changed: { name: [null, 'x'] }, count: 3 },
  mac: BYTES_32,
}

test('an event comes back unchanged from its canonical bytes', () => {
  assert.deepEqual(parseAuditEvent(canonicalEvent(EVENT)), EVENT)
  const smallest: AuditEvent = {
    ...EVENT,
    project: null,
    environment: null,
    reason: null,
    actor: { type: 'system', id: null },
    targets: [],
    request: null,
    details: {},
  }
  assert.deepEqual(parseAuditEvent(canonicalEvent(smallest)), smallest)
  for (const action of Object.keys(AUDIT_ACTIONS) as (keyof typeof AUDIT_ACTIONS)[]) {
    assert.equal(parseAuditEvent(canonicalEvent({ ...EVENT, action })).action, action)
  }
})

test('the MAC covers every member but itself', () => {
  const { mac, ...body } = EVENT
  const covered = utf8Encode(canonicalJson(body))
  const sealed = sealEvent(body, (bytes) => {
    assert.deepEqual(bytes, covered)
    return mac
  })
  assert.deepEqual(sealed, canonicalEvent(EVENT))
  assert.deepEqual(splitLeaf(sealed), { body: covered, mac })
})

test('no text in an event can pass for its MAC', () => {
  const { mac, ...body } = EVENT
  const fake = `"mac":"${'B'.repeat(43)}",`
  const event = {
    ...EVENT,
    node: fake.slice(0, 60),
    details: { mac: 'B'.repeat(43), node: fake, text: fake },
  }
  const sealed = sealEvent({ ...body, node: event.node, details: event.details }, () => mac)
  assert.deepEqual(sealed, canonicalEvent(event))
  assert.equal(splitLeaf(sealed)?.mac, mac)
})

test('bytes without a MAC are no leaf to split', () => {
  for (const bytes of [new Uint8Array(0), Uint8Array.of(0xff), utf8Encode('{}')])
    assert.equal(splitLeaf(bytes), null)
})

test('a missing, unknown or wrong member is refused and named', () => {
  for (const name of Object.keys(EVENT)) {
    const { [name as keyof AuditEvent]: _left, ...rest } = EVENT
    refuses(rest, new RegExp(`lacks ${name}`))
    refuses({ ...EVENT, [name]: name === 'details' ? [] : { a: 1 } }, new RegExp(`wrong ${name}`))
  }
  refuses({ ...EVENT, more: 1 }, /unknown members/)
  for (const value of [null, [], 'text', 1]) refuses(value, /not an object/)
})

test('values outside their bounds are refused', () => {
  const target = EVENT.targets[0]
  const wrong: Record<string, unknown[]> = {
    v: [2, '1'],
    id: [`evt_${ULID.toUpperCase()}`, `key_${ULID}`, `evt_8${ULID.slice(1)}`, `evt_${ULID}0`],
    nonce: ['A'.repeat(21) + 'B', 'A'.repeat(21)],
    at: [
      '2026-11-22T04:12:33Z',
      '2026-02-31T04:12:33.123Z',
      '2026-11-22T24:00:00.000Z',
      '2026-11-22T04:12:33.123',
    ],
    node: ['', 'a b', 'x'.repeat(65)],
    environment: ['live', ''],
    action: ['key.deleted', 'toString', '__proto__'],
    outcome: ['ok'],
    reason: ['', 'x'.repeat(201)].slice(1),
    actor: [
      { type: 'system', id: 'x' },
      { type: 'root_key', id: null },
      { type: 'user', id: `key_${ULID}` },
    ],
    targets: [
      [target, target],
      [{ ...target, version: 0 }],
      [{ ...target, id: `own_${ULID}` }],
      [{ ...target, x: 1 }],
      [{ ...target, state: ['active'] }],
      [{ ...target, state: [null, null] }],
      [{ ...target, state: ['on', 'off'] }],
      [null],
    ],
    request: [{ id: `req_${ULID}` }, { id: `req_${ULID}`, operation: 'keys revoke' }],
    details: [
      { amount: 1.5 },
      { deep: { deeper: { deepest: 1 } } },
      { 'a b': 1 },
      { list: [{ a: 1 }] },
      null,
    ],
    mac: ['A'.repeat(42) + 'B', 'A'.repeat(44)],
  }
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) refuses({ ...EVENT, [name]: value }, /^(has|names)/)
  }
  refuses({ ...EVENT, details: { text: 'x'.repeat(EVENT_BYTES_MAX) } }, /longer than/)
  assert.throws(() => canonicalEvent({ ...EVENT, details: { text: '\ud800' } }), AuditEventError)
})

test('bytes that are not canonical are refused', () => {
  const text = Buffer.from(canonicalEvent(EVENT)).toString()
  for (const other of [
    ` ${text}`,
    `${text}\n`,
    text.replace('"v":1', '"v":1.0'),
    text.replace('"v":1', '"v":1,"v":1'),
    text.replace('api-1', 'api\\u002d1'),
    text.slice(0, -1),
    '',
    '\ufeff' + text,
  ]) {
    assert.throws(() => parseAuditEvent(Buffer.from(other)), AuditEventError)
  }
  assert.throws(() => parseAuditEvent(Uint8Array.of(0xff)), /UTF-8/)
})

test('random bytes and random changes never make the reader throw anything but AuditEventError', () => {
  const bytes = canonicalEvent(EVENT)
  const changed = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)).map(([at, value]) => bytes.with(at, value))
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), changed, fc.json().map(utf8Encode)), (input) => {
      try {
        parseAuditEvent(input)
      } catch (error) {
        assert.ok(error instanceof AuditEventError)
      }
    }),
    { numRuns: 1_000 },
  )
})

function refuses(value: unknown, reason: RegExp): void {
  const failure = { name: 'AuditEventError', message: reason }
  assert.throws(() => parseAuditEvent(utf8Encode(canonicalJson(value as JsonValue))), failure)
  assert.throws(() => canonicalEvent(value as AuditEvent), failure)
}
