import type { Clock } from './clock.ts'
import type { Random } from './random.ts'

declare const brand: unique symbol
type Id<Name extends string> = string & { readonly [brand]: Name }

export type InstallationId = Id<'installation'>
export type ProjectId = Id<'project'>
export type EnvironmentId = Id<'environment'>
export type OwnerId = Id<'owner'>
export type RoleId = Id<'role'>
export type KeyId = Id<'key'>
export type ImportSourceId = Id<'importSource'>
export type BulkOperationId = Id<'bulkOperation'>
export type BulkChunkId = Id<'bulkChunk'>
export type EventId = Id<'event'>
export type BootId = Id<'boot'>
export type RequestId = Id<'request'>

const PREFIX = {
  installation: 'ins',
  project: 'prj',
  environment: 'env',
  owner: 'own',
  role: 'rol',
  key: 'key',
  importSource: 'ims',
  bulkOperation: 'blk',
  bulkChunk: 'blc',
  event: 'evt',
  boot: 'boot',
  request: 'req',
} as const

interface IdOf {
  installation: InstallationId
  project: ProjectId
  environment: EnvironmentId
  owner: OwnerId
  role: RoleId
  key: KeyId
  importSource: ImportSourceId
  bulkOperation: BulkOperationId
  bulkChunk: BulkChunkId
  event: EventId
  boot: BootId
  request: RequestId
}

/** Makes a fresh id: a prefix and a ULID (48 bits of milliseconds, 80 random bits), so ids sort by creation. */
export function newId<Name extends keyof IdOf>(name: Name, clock: Clock, random: Random): IdOf[Name] {
  return `${PREFIX[name]}_${ulid(clock(), random(10))}` as IdOf[Name]
}

/** The JSON Schema pattern of one kind of id. */
export function idPattern(name: keyof IdOf): string {
  return `^${PREFIX[name]}_[0-9a-hjkmnp-tv-z]{26}$`
}

/** Crockford base32, lower case. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

function ulid(milliseconds: number, random: Uint8Array): string {
  let text = ''
  for (let rest = milliseconds, i = 0; i < 10; i++, rest = Math.floor(rest / 32)) {
    text = ALPHABET.charAt(rest % 32) + text
  }
  let bits = 0
  let value = 0
  for (const byte of random) {
    value = ((value << 8) | byte) & 0x1fff
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += ALPHABET.charAt((value >>> bits) & 31)
    }
  }
  return text
}
