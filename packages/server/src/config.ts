import { type AddressRange, parseAddressRange } from '@keystead/protocol/address'
import { BRAND_PATTERN } from '@keystead/protocol/api-key'
import { isIPv4, isIPv6 } from 'node:net'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { StartError } from './errors.ts'

export interface Config {
  readonly dataDir: string
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
  readonly brand: string
  readonly passphraseFile: string | null
  /** A file that holds the URL of a PostgreSQL database; null: SQLite in the data folder. */
  readonly databaseUrlFile: string | null
  /** Where the last signed checkpoint is kept; best outside the data folder and its backups. */
  readonly guardFile: string
  /** This process's name in the audit log. */
  readonly node: string
  /** Proxies whose word about a client's address is taken. */
  readonly trustedProxies: readonly AddressRange[]
}

const DEFAULT_PORT = 4440

/** Reads the settings from the environment. StartError, naming the variable and what it takes, for a wrong value. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const text = (name: string): string | null => {
    const value = environment[`KEYSTEAD_${name}`]
    return value === undefined || value === '' ? null : value
  }
  const dataDir = resolve(text('DATA_DIR') ?? 'data')
  const file = (name: string): string | null => {
    const value = text(name)
    return value === null ? null : resolve(value)
  }
  return {
    dataDir,
    host: loopback(text('HOST') ?? '127.0.0.1'),
    port: port(text('PORT') ?? String(DEFAULT_PORT)),
    brand: matching(
      'BRAND',
      text('BRAND') ?? 'ks',
      new RegExp(BRAND_PATTERN),
      '2 to 12 of a-z and 0-9, a letter first',
    ),
    passphraseFile: file('SEAL_PASSPHRASE_FILE'),
    databaseUrlFile: file('DATABASE_URL_FILE'),
    guardFile: resolve(text('GUARD_FILE') ?? `${dataDir}/checkpoint.guard`),
    node: matching(
      'NODE_NAME',
      text('NODE_NAME') ?? nodeName(),
      /^[!-~]{1,64}$/,
      '1 to 64 printable characters',
    ),
    trustedProxies: ranges(text('TRUSTED_PROXIES') ?? '127.0.0.0/8,::1/128'),
  }
}

/** There is no TLS yet, and a credential does not cross a network in the clear. */
function loopback(host: string): string {
  const isLoopback =
    host === 'localhost' || (isIPv4(host) && host.startsWith('127.')) || (isIPv6(host) && host === '::1')
  if (isLoopback) return host
  throw new StartError(
    `KEYSTEAD_HOST is ${host}: only a loopback address is served, since credentials would cross the network in the clear. Put a proxy with TLS in front.`,
  )
}

function ranges(value: string): readonly AddressRange[] {
  return value.split(',').map((part) => {
    const { range, problem } = parseAddressRange(part.trim())
    if (range !== null) return range
    throw new StartError(
      `KEYSTEAD_TRUSTED_PROXIES: ${JSON.stringify(part)} ${problem}. It takes addresses and ranges, with commas between.`,
    )
  })
}

function port(value: string): number {
  const number = /^\d{1,5}$/.test(value) ? Number(value) : Number.NaN
  if (number <= 65_535) return number
  throw new StartError(`KEYSTEAD_PORT is ${JSON.stringify(value)}: it takes a number from 0 to 65535.`)
}

function matching(name: string, value: string, pattern: RegExp, takes: string): string {
  if (pattern.test(value)) return value
  throw new StartError(`KEYSTEAD_${name} is ${JSON.stringify(value)}: it takes ${takes}.`)
}

function nodeName(): string {
  return (
    hostname()
      .replaceAll(/[^!-~]/g, '-')
      .slice(0, 64) || 'keystead'
  )
}
