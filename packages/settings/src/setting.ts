import { parseAddressRange } from '@keystead/protocol/address'
import { BRAND_PATTERN } from '@keystead/protocol/api-key'
import { isIPv4, isIPv6 } from 'node:net'

/** A path is taken from the folder of the file that names it, or from the working directory where a variable does. */
export type SettingKind = 'text' | 'path' | 'number' | 'flag' | 'list'
export type SettingValue = string | number | boolean | readonly string[]

/** One thing that a server can be told, in the file and in the environment. */
export interface Setting {
  /** Its place in the file, with dots. */
  readonly name: string
  readonly variable: string
  readonly kind: SettingKind
  readonly meaning: string
  /** What it is where it is not set, for people. */
  readonly otherwise: string
  /** Of the example in the reference. */
  readonly example: string
  /** What is wrong with a value of the right kind, as the end of a sentence; null when nothing is. */
  readonly wrong: (value: SettingValue) => string | null
}

const ANY = (): null => null

function matching(pattern: RegExp, takes: string): Setting['wrong'] {
  return (value) => (typeof value === 'string' && pattern.test(value) ? null : `it takes ${takes}`)
}

/** Everything that a server can be told. No secret is among them: where one is needed, the setting names its file. */
export const SETTINGS = [
  {
    name: 'dataDir',
    variable: 'KEYSTEAD_DATA_DIR',
    kind: 'path',
    meaning: 'the folder with everything; made with mode 0700',
    otherwise: '`data` in the working directory',
    example: '/var/lib/keystead',
    wrong: ANY,
  },
  {
    name: 'listen.host',
    variable: 'KEYSTEAD_HOST',
    kind: 'text',
    meaning: 'where it listens; an address other than loopback needs TLS',
    otherwise: '`127.0.0.1`',
    example: '0.0.0.0',
    wrong: (value) =>
      value === 'localhost' || (typeof value === 'string' && (isIPv4(value) || isIPv6(value)))
        ? null
        : 'it takes an IPv4 or IPv6 address, or localhost',
  },
  {
    name: 'listen.port',
    variable: 'KEYSTEAD_PORT',
    kind: 'number',
    meaning: '0 to 65535; 0 lets the system choose',
    otherwise: '`4440`',
    example: '4440',
    wrong: (value) =>
      typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 65_535
        ? null
        : 'it takes a whole number from 0 to 65535',
  },
  {
    name: 'tls.certificateFile',
    variable: 'KEYSTEAD_TLS_CERT_FILE',
    kind: 'path',
    meaning: 'the certificate of the server with its issuers, PEM',
    otherwise: 'none: plain HTTP',
    example: '/etc/keystead/tls.crt',
    wrong: ANY,
  },
  {
    name: 'tls.keyFile',
    variable: 'KEYSTEAD_TLS_KEY_FILE',
    kind: 'path',
    meaning: 'the key of the certificate, PEM, mode 0600',
    otherwise: 'none',
    example: '/etc/keystead/tls.key',
    wrong: ANY,
  },
  {
    name: 'tls.byProxy',
    variable: 'KEYSTEAD_TLS_BY_PROXY',
    kind: 'flag',
    meaning: 'whether a proxy takes TLS, and nobody else can reach `listen.host`',
    otherwise: '`false`',
    example: 'false',
    wrong: ANY,
  },
  {
    name: 'seal.passphraseFile',
    variable: 'KEYSTEAD_SEAL_PASSPHRASE_FILE',
    kind: 'path',
    meaning: 'a file with the passphrase that opens the keystore, mode 0600, at least 12 characters',
    otherwise: 'none: a key file beside the data, for trials only',
    example: '/etc/keystead/passphrase',
    wrong: ANY,
  },
  {
    name: 'database.urlFile',
    variable: 'KEYSTEAD_DATABASE_URL_FILE',
    kind: 'path',
    meaning: 'a file with the URL of a PostgreSQL database, mode 0600',
    otherwise: 'none: SQLite in the data folder',
    example: '/etc/keystead/database-url',
    wrong: ANY,
  },
  {
    name: 'guardFile',
    variable: 'KEYSTEAD_GUARD_FILE',
    kind: 'path',
    meaning: 'where the last signed checkpoint is kept, in a folder that exists, best on another disk',
    otherwise: '`checkpoint.guard` in the data folder',
    example: '/mnt/guard/checkpoint.guard',
    wrong: ANY,
  },
  {
    name: 'brand',
    variable: 'KEYSTEAD_BRAND',
    kind: 'text',
    meaning: 'how your keys begin: 2 to 12 of a-z and 0-9, a letter first',
    otherwise: '`ks`',
    example: 'acme',
    wrong: matching(new RegExp(BRAND_PATTERN), '2 to 12 of a-z and 0-9, a letter first'),
  },
  {
    name: 'nodeName',
    variable: 'KEYSTEAD_NODE_NAME',
    kind: 'text',
    meaning: 'the name of this server in the log: 1 to 64 printable characters',
    otherwise: 'the name of the host',
    example: 'keystead-1',
    wrong: matching(/^[!-~]{1,64}$/, '1 to 64 printable characters without spaces'),
  },
  {
    name: 'trustedProxies',
    variable: 'KEYSTEAD_TRUSTED_PROXIES',
    kind: 'list',
    meaning: 'addresses and ranges of proxies whose `X-Forwarded-For` is believed',
    otherwise: '`127.0.0.0/8`, `::1/128`',
    example: '[127.0.0.0/8, 10.0.0.7]',
    wrong: (value) => {
      for (const text of Array.isArray(value) ? value : []) {
        const { range, problem } = parseAddressRange(String(text))
        if (range === null) return `${JSON.stringify(text)} ${problem}; it takes addresses and ranges`
      }
      return null
    },
  },
] as const satisfies readonly Setting[]

export type SettingName = (typeof SETTINGS)[number]['name']
