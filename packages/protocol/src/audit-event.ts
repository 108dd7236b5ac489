// The audit event, version 1: the leaf of the log. RFC 8785 (canonical form), RFC 3339 (time)
import { AUDIT_ACTIONS, type AuditAction } from './audit-actions.ts'
import { utf8Decode, utf8Encode } from './bytes.ts'
import { canonicalJson, parseCanonicalJson, type JsonValue } from './canonical-json.ts'
import { isKeyState, TARGET_TYPES, type KeyState, type TargetType } from './lifecycle.ts'

const ENVIRONMENTS = ['production', 'staging', 'development'] as const
const OUTCOMES = ['success', 'denied', 'error'] as const

/** Who caused the event: the server itself, the root key with this id, or the holder of the API key with this id. */
export type AuditActor =
  | { readonly type: 'system'; readonly id: null }
  | { readonly type: 'root_key'; readonly id: string }
  | { readonly type: 'api_key'; readonly id: string }

/** One object that the event changed: `version` counts its changes from 1, `state` is the pair before and after. */
export type AuditTarget = {
  readonly type: TargetType
  readonly id: string
  readonly version: number
  readonly state: readonly [from: KeyState | null, to: KeyState]
  /** Salted commitment to the object's security-relevant columns after the change: 32 bytes, base64url. */
  readonly commitment: string
}

/** One leaf of the log. Ids as in the API, times RFC 3339 in UTC with milliseconds, bytes as base64url. */
export type AuditEvent = {
  readonly v: 1
  readonly id: string
  /** 16 random bytes: makes the leaf hash impossible to guess from outside. */
  readonly nonce: string
  readonly at: string
  readonly boot: string
  readonly node: string
  readonly project: string | null
  readonly environment: (typeof ENVIRONMENTS)[number] | null
  readonly action: AuditAction
  readonly outcome: (typeof OUTCOMES)[number]
  readonly reason: string | null
  readonly actor: AuditActor
  readonly targets: readonly AuditTarget[]
  readonly request: { readonly id: string; readonly operation: string } | null
  readonly details: { readonly [name: string]: JsonValue }
  /** HMAC over all the rest (splitLeaf) under a key that only the server holds: 32 bytes. Third parties see its shape only. */
  readonly mac: string
}

/** Bytes that are no audit event; `message` says in one sentence why, without quoting values. */
export class AuditEventError extends Error {
  override readonly name = 'AuditEventError'
}

/** Half of what a tile can carry: an event is a record of a change, not a place for documents. */
export const EVENT_BYTES_MAX = 32 * 1024
/** What a leaf names itself: one operation changes a handful of objects. What changes more has a batch (audit-batches.ts). */
export const TARGETS_MAX = 64
const REASON_LENGTH_MAX = 200

const ULID = '[0-7][0-9a-hjkmnp-tv-z]{25}'
const BYTES_16 = /^[A-Za-z0-9_-]{21}[AQgw]$/
/** 32 bytes, base64url. */
export const BYTES_32 = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/
const EVENT_ID = new RegExp(`^evt_${ULID}$`)
const BOOT_ID = new RegExp(`^boot_${ULID}$`)
const PROJECT_ID = new RegExp(`^prj_${ULID}$`)
const KEY_ID = new RegExp(`^key_${ULID}$`)
const REQUEST_ID = new RegExp(`^req_${ULID}$`)
const TIME = /^[12]\d{3}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/
const NODE_NAME = /^[!-~]{1,64}$/
const OPERATION = /^[A-Za-z][A-Za-z-]*(\.[A-Za-z][A-Za-z-]*){1,4}$/
const DETAIL_NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/
const TARGET_IDS: { readonly [Type in TargetType]: RegExp } = {
  installation: new RegExp(`^([a-z]{2,8}_)?${ULID}$`),
  project: PROJECT_ID,
  environment: new RegExp(`^env_${ULID}$`),
  owner: new RegExp(`^own_${ULID}$`),
  role: new RegExp(`^rol_${ULID}$`),
  api_key: KEY_ID,
  root_key: KEY_ID,
  bulk_operation: new RegExp(`^blk_${ULID}$`),
  bulk_chunk: new RegExp(`^blc_${ULID}$`),
  use_emitter: BOOT_ID,
  import_source: new RegExp(`^ims_${ULID}$`),
}

/**
 * Reads one leaf. Guarantees the closed shape, all bounds, a known action and the canonical form. NOT checked: the MAC,
 * versions and state transitions (both need the other leaves). Throws AuditEventError and nothing else.
 */
export function parseAuditEvent(bytes: Uint8Array): AuditEvent {
  if (bytes.length > EVENT_BYTES_MAX) refuse(`is longer than ${EVENT_BYTES_MAX} bytes`)
  const value = parseCanonicalBytes(bytes)
  checkEvent(value)
  return value as AuditEvent
}

/** Reads one line of a batch: a target in canonical form. Throws AuditEventError and nothing else. */
export function parseAuditTarget(line: Uint8Array): AuditTarget {
  const value = parseCanonicalBytes(line)
  checkTarget(value, 'target.')
  return value as AuditTarget
}

/** The bytes of the leaf. Throws AuditEventError for an event that parseAuditEvent would refuse. */
export function canonicalEvent(event: AuditEvent): Uint8Array {
  checkEvent(event)
  const bytes = canonicalBytes(event)
  if (bytes.length > EVENT_BYTES_MAX) refuse(`is longer than ${EVENT_BYTES_MAX} bytes`)
  return bytes
}

/**
 * The bytes of the leaf for an event whose MAC covers all the rest of it: `macOf` is given the canonical bytes without
 * the `mac` member and answers with 32 bytes in base64url. Throws AuditEventError as canonicalEvent does.
 */
export function sealEvent(body: Omit<AuditEvent, 'mac'>, macOf: (body: Uint8Array) => string): Uint8Array {
  const text = utf8Text(canonicalEvent({ ...body, mac: BLANK_MAC }))
  const at = text.lastIndexOf(MAC_MEMBER) + MAC_MEMBER.length
  return utf8Encode(text.slice(0, at) + macOf(withoutMac(text, at)) + text.slice(at + BLANK_MAC.length))
}

/**
 * What the MAC of a leaf covers, and that MAC; null for bytes that cannot be a leaf. Nothing else is checked: whoever
 * can tell that the MAC holds knows that the writer of the log made exactly these bytes.
 */
export function splitLeaf(leaf: Uint8Array): { readonly body: Uint8Array; readonly mac: string } | null {
  const text = utf8Decode(leaf)
  if (text === null || !text.includes(MAC_MEMBER)) return null
  const at = text.lastIndexOf(MAC_MEMBER) + MAC_MEMBER.length
  const mac = text.slice(at, at + BLANK_MAC.length)
  return { body: withoutMac(text, at), mac }
}

// The last `"mac":` of the text is the event's own: no member after it in canonical order has one, and inside a string
// the quotes would be escaped.
const MAC_MEMBER = '"mac":"'
const BLANK_MAC = 'A'.repeat(43)

function withoutMac(text: string, at: number): Uint8Array {
  return utf8Encode(text.slice(0, at - MAC_MEMBER.length) + text.slice(at + BLANK_MAC.length + '",'.length))
}

function utf8Text(bytes: Uint8Array): string {
  return utf8Decode(bytes) ?? refuse('is not valid UTF-8')
}

/** Whether `value` is a key of AUDIT_ACTIONS. */
export function isAuditAction(value: unknown): value is AuditAction {
  return typeof value === 'string' && Object.hasOwn(AUDIT_ACTIONS, value)
}

function parseCanonicalBytes(bytes: Uint8Array): unknown {
  const text = utf8Text(bytes)
  try {
    return parseCanonicalJson(text)
  } catch (error) {
    return refuse(error instanceof TypeError ? `is ${error.message}` : 'is not readable')
  }
}

function canonicalBytes(value: { readonly [name: string]: unknown }): Uint8Array {
  try {
    return utf8Encode(canonicalJson(value as JsonValue))
  } catch (error) {
    return refuse(error instanceof TypeError ? `is not JSON: ${error.message}` : 'cannot be written')
  }
}

type Rule = (value: unknown) => boolean

const EVENT_RULES: { readonly [Name in keyof AuditEvent]: Rule } = {
  v: (value) => value === 1,
  id: matches(EVENT_ID),
  nonce: matches(BYTES_16),
  at: isTime,
  boot: matches(BOOT_ID),
  node: matches(NODE_NAME),
  project: orNull(matches(PROJECT_ID)),
  environment: orNull(oneOf(ENVIRONMENTS)),
  action: isAuditAction,
  outcome: oneOf(OUTCOMES),
  reason: orNull((value) => typeof value === 'string' && value.length <= REASON_LENGTH_MAX),
  actor: isActor,
  targets: (value) => Array.isArray(value) && value.length <= TARGETS_MAX,
  request: orNull((value) => hasExactly(value, { id: matches(REQUEST_ID), operation: matches(OPERATION) })),
  details: isDetails,
  mac: matches(BYTES_32),
}

const TARGET_RULES: { readonly [Name in keyof AuditTarget]: Rule } = {
  type: oneOf(TARGET_TYPES),
  id: (value) => typeof value === 'string',
  version: (value) => Number.isSafeInteger(value) && Number(value) >= 1,
  state: (value) =>
    Array.isArray(value) &&
    value.length === 2 &&
    (value[0] === null || isKeyState(value[0])) &&
    isKeyState(value[1]),
  commitment: matches(BYTES_32),
}

function checkEvent(value: unknown): void {
  requireMembers(value, EVENT_RULES, '')
  const { targets } = value as AuditEvent
  const seen = new Set<string>()
  for (const [at, target] of targets.entries()) {
    checkTarget(target, `targets[${at}].`)
    const name = `${target.type} ${target.id}`
    if (seen.has(name)) refuse('names a target twice')
    seen.add(name)
  }
}

function checkTarget(value: unknown, path: string): void {
  requireMembers(value, TARGET_RULES, path)
  const target = value as AuditTarget
  if (!TARGET_IDS[target.type].test(target.id)) refuse(`has a wrong ${path}id`)
}

function requireMembers(value: unknown, rules: { readonly [name: string]: Rule }, path: string): void {
  if (!isRecord(value)) return refuse(path === '' ? 'is not an object' : `has a wrong ${path.slice(0, -1)}`)
  for (const [name, rule] of Object.entries(rules)) {
    if (!Object.hasOwn(value, name)) refuse(`lacks ${path}${name}`)
    if (!rule(value[name])) refuse(`has a wrong ${path}${name}`)
  }
  // All members of the rules are there, so a different count means unknown ones.
  if (Object.keys(value).length !== Object.keys(rules).length)
    refuse(`has unknown members in ${path || 'the event'}`)
}

function hasExactly(value: unknown, rules: { readonly [name: string]: Rule }): boolean {
  return (
    isRecord(value) &&
    Object.keys(value).length === Object.keys(rules).length &&
    Object.entries(rules).every(([name, rule]) => Object.hasOwn(value, name) && rule(value[name]))
  )
}

function isActor(value: unknown): boolean {
  return (
    hasExactly(value, { type: (type) => type === 'system', id: (id) => id === null }) ||
    hasExactly(value, { type: oneOf(['root_key', 'api_key']), id: matches(KEY_ID) })
  )
}

function isTime(value: unknown): boolean {
  if (typeof value !== 'string' || !TIME.test(value)) return false
  const at = Date.parse(value)
  // Date.parse takes 31 February for 3 March; writing it again tells.
  return !Number.isNaN(at) && new Date(at).toISOString() === value
}

// Flat: one level of members; a value is a scalar, a list of scalars, or one more object of those.
function isDetails(value: unknown): boolean {
  return isDetailObject(value, (member) => isDetailValue(member) || isDetailObject(member, isDetailValue))
}

function isDetailObject(value: unknown, isMember: Rule): boolean {
  return (
    isRecord(value) &&
    Object.entries(value).every(([name, member]) => DETAIL_NAME.test(name) && isMember(member))
  )
}

function isDetailValue(value: unknown): boolean {
  return isScalar(value) || (Array.isArray(value) && value.every(isScalar))
}

function isScalar(value: unknown): boolean {
  // No floats: only integers are written alike by every JSON library.
  return (
    value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value)
  )
}

function isRecord(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function matches(pattern: RegExp): Rule {
  return (value) => typeof value === 'string' && pattern.test(value)
}

function oneOf(values: readonly string[]): Rule {
  return (value) => typeof value === 'string' && values.includes(value)
}

function orNull(rule: Rule): Rule {
  return (value) => value === null || rule(value)
}

function refuse(why: string): never {
  throw new AuditEventError(why)
}
