import { type AddressRange, parseAddressRange } from '@keystead/protocol/address'
import { BRAND_PATTERN } from '@keystead/protocol/api-key'
import { isIPv4, isIPv6 } from 'node:net'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { StartError } from './errors.ts'
import type { TlsFiles } from './tls.ts'

export interface Config {
  readonly dataDir: string
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
  /** The server's certificate and its key; null: plain HTTP. */
  readonly tls: TlsFiles | null
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
  const tls = tlsFiles(file('TLS_CERT_FILE'), file('TLS_KEY_FILE'))
  const isProtected = tls !== null || yes('TLS_BY_PROXY', text('TLS_BY_PROXY'))
  return {
    dataDir,
    host: requireProtected(text('HOST') ?? '127.0.0.1', isProtected),
    tls,
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

function tlsFiles(certificateFile: string | null, keyFile: string | null): TlsFiles | null {
  if (certificateFile !== null && keyFile !== null) return { certificateFile, keyFile }
  if (certificateFile === null && keyFile === null) return null
  const [given, missing] = certificateFile === null ? ['KEY', 'CERT'] : ['CERT', 'KEY']
  throw new StartError(
    `KEYSTEAD_TLS_${given}_FILE is given without KEYSTEAD_TLS_${missing}_FILE: it takes both, or none.`,
  )
}

/** A credential does not cross a network in the clear (T-21). */
function requireProtected(host: string, isProtected: boolean): string {
  const isLoopback =
    host === 'localhost' || (isIPv4(host) && host.startsWith('127.')) || (isIPv6(host) && host === '::1')
  if (isLoopback || (isProtected && (isIPv4(host) || isIPv6(host)))) return host
  throw new StartError(
    isIPv4(host) || isIPv6(host)
      ? `KEYSTEAD_HOST is ${host}: credentials would cross the network in the clear. Set KEYSTEAD_TLS_CERT_FILE and KEYSTEAD_TLS_KEY_FILE, or KEYSTEAD_TLS_BY_PROXY=yes where a proxy takes TLS and nobody else can reach this address.`
      : `KEYSTEAD_HOST is ${host}: it takes an IPv4 or IPv6 address, or localhost.`,
  )
}

function yes(name: string, value: string | null): boolean {
  if (value === null || value === 'yes') return value === 'yes'
  throw new StartError(`KEYSTEAD_${name} is ${JSON.stringify(value)}: it takes yes, or nothing.`)
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
