import { type AddressRange, parseAddressRange } from '@keystead/protocol/address'
import { isIPv4, isIPv6 } from 'node:net'
import { dirname, resolve } from 'node:path'
import { type FileValues, type RawValue, readFileValues } from './file.ts'
import { describeProblem, type Problem, type Source } from './problem.ts'
import { type Setting, type SettingKind, type SettingName, SETTINGS, type SettingValue } from './setting.ts'

/** What a server has been told, with what it assumes where it has been told nothing. */
export interface Config {
  readonly dataDir: string
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
  /** The server's certificate and its key; null: plain HTTP. */
  readonly tls: { readonly certificateFile: string; readonly keyFile: string } | null
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

export type Environment = Readonly<Record<string, string | undefined>>

/** What the configuration is made from. */
export interface Told {
  readonly environment: Environment
  /** The configuration file, if there is one: its path and its text. */
  readonly file: { readonly path: string; readonly text: string } | null
  /** The name of this machine, for the log. */
  readonly hostname: string
}

/** Which value a setting has, and who has set it; null where nobody has. */
export interface Effective {
  readonly setting: Setting
  readonly value: SettingValue | null
  readonly source: Source | null
}

export interface Read {
  /** Null when something is wrong. */
  readonly config: Config | null
  /** By the order of SETTINGS. */
  readonly effective: readonly Effective[]
  /** All of them, those of the file in its order first. */
  readonly problems: readonly Problem[]
}

const PORT = 4440
const PROXIES = ['127.0.0.0/8', '::1/128']

/** Reads the file and then the environment, which has the last word. Never throws: what is wrong is among the problems. */
export function readConfig({ environment, file, hostname }: Told): Read {
  const fromFile: FileValues =
    file === null ? { values: new Map(), problems: [] } : readFileValues(file.path, file.text)
  const folder = file === null ? '.' : dirname(file.path)
  const problems = [...fromFile.problems]
  const values = new Map<string, { readonly value: SettingValue; readonly source: Source }>()
  const effective = SETTINGS.map((setting: Setting): Effective => {
    const raw = variableOf(setting, environment) ?? fromFile.values.get(setting.name)
    if (raw === undefined) return { setting, value: null, source: null }
    const { value, message } = accept(setting, raw, folder)
    if (message !== null) problems.push({ source: raw.source, message })
    if (value === null) return { setting, value: null, source: null }
    values.set(setting.name, { value, source: raw.source })
    return { setting, value, source: raw.source }
  })
  const config = configOf((name) => values.get(name)?.value, hostname)
  const isByProxy = values.get('tls.byProxy')?.value === true
  problems.push(...together(config, isByProxy, (name) => values.get(name)?.source))
  return { config: problems.length === 0 ? config : null, effective, problems }
}

/** What is wrong, a line each, for people. */
export function describeProblems(problems: readonly Problem[]): string {
  return problems.map(describeProblem).join('\n')
}

function variableOf({ variable, kind }: Setting, environment: Environment): RawValue | undefined {
  const text = environment[variable]
  return text === undefined || text === '' ? undefined : { source: { variable }, value: fromText(kind, text) }
}

/** A variable is a text: what cannot be of the setting's kind stays one, and is refused as that. */
function fromText(kind: SettingKind, text: string): unknown {
  if (kind === 'number') return /^(0|[1-9]\d{0,8})$/.test(text) ? Number(text) : text
  if (kind === 'flag')
    return text === 'yes' || text === 'true' ? true : text === 'no' || text === 'false' ? false : text
  return kind === 'list' ? text.split(',').map((part) => part.trim()) : text
}

const TAKES: Readonly<Record<SettingKind, string>> = {
  text: 'it takes a text',
  path: 'it takes the path of a file or folder',
  number: 'it takes a whole number',
  flag: 'it takes yes or no',
  list: 'it takes a list of texts',
}

function accept(
  setting: Setting,
  { value, source }: RawValue,
  folder: string,
): { readonly value: SettingValue | null; readonly message: string | null } {
  const wrong = (why: string) => ({
    value: null,
    message: named(setting.name, source, `is ${shown(value)}: ${why}`),
  })
  if (!isOf(setting.kind, value)) {
    // A number that is none says more than that it must be one.
    const why = setting.kind === 'number' ? (setting.wrong(Number.NaN) ?? TAKES.number) : TAKES[setting.kind]
    return wrong(why)
  }
  const why = setting.wrong(value)
  if (why !== null) return wrong(why)
  if (setting.kind !== 'path') return { value, message: null }
  return { value: resolve('variable' in source ? '.' : folder, String(value)), message: null }
}

function isOf(kind: SettingKind, value: unknown): value is SettingValue {
  switch (kind) {
    case 'number':
      return typeof value === 'number'
    case 'flag':
      return typeof value === 'boolean'
    case 'list':
      return Array.isArray(value) && value.every((part) => typeof part === 'string')
    default:
      return typeof value === 'string' && value !== '' && !value.includes('\0')
  }
}

/** Nobody puts a secret here, but who does must not find it in a log. */
const SHOWN_MAX = 80

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, SHOWN_MAX)
}

function configOf(of: (name: SettingName) => SettingValue | undefined, hostname: string): Config {
  const text = (name: SettingName): string | null => {
    const value = of(name)
    return typeof value === 'string' ? value : null
  }
  const dataDir = text('dataDir') ?? resolve('data')
  const certificateFile = text('tls.certificateFile')
  const keyFile = text('tls.keyFile')
  const proxies = of('trustedProxies')
  return {
    dataDir,
    host: text('listen.host') ?? '127.0.0.1',
    port: Number(of('listen.port') ?? PORT),
    tls: certificateFile === null || keyFile === null ? null : { certificateFile, keyFile },
    brand: text('brand') ?? 'ks',
    passphraseFile: text('seal.passphraseFile'),
    databaseUrlFile: text('database.urlFile'),
    guardFile: text('guardFile') ?? `${dataDir}/checkpoint.guard`,
    node: text('nodeName') ?? nodeName(hostname),
    trustedProxies: (Array.isArray(proxies) ? proxies.map(String) : PROXIES).flatMap(
      (proxy) => parseAddressRange(proxy).range ?? [],
    ),
  }
}

/** What is right by itself, but not with the rest. */
function together(
  config: Config,
  isByProxy: boolean,
  sourceOf: (name: SettingName) => Source | undefined,
): readonly Problem[] {
  const problem = (name: SettingName, isWrong: boolean, why: string): readonly Problem[] => {
    const source = sourceOf(name)
    return source === undefined || !isWrong ? [] : [{ source, message: named(name, source, why) }]
  }
  const [certificate, key] = [sourceOf('tls.certificateFile'), sourceOf('tls.keyFile')]
  const isInTheClear = !isLoopback(config.host) && config.tls === null && !isByProxy
  return [
    ...problem(
      'tls.certificateFile',
      key === undefined,
      'names a certificate without its key: set tls.keyFile',
    ),
    ...problem(
      'tls.keyFile',
      certificate === undefined,
      'names a key without its certificate: set tls.certificateFile',
    ),
    // A credential does not cross a network in the clear (T-21).
    ...problem(
      'listen.host',
      isInTheClear,
      `is ${config.host}: credentials would cross the network in the clear. Set tls.certificateFile and tls.keyFile, or tls.byProxy where a proxy takes TLS and nobody else can reach this address`,
    ),
  ]
}

/** A variable is its own name; in a file the place does not say which setting it is. */
function named(name: string, source: Source, what: string): string {
  return 'variable' in source ? what : `${name} ${what}`
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || (isIPv4(host) && host.startsWith('127.')) || (isIPv6(host) && host === '::1')
}

function nodeName(hostname: string): string {
  return hostname.replaceAll(/[^!-~]/g, '-').slice(0, 64) || 'keystead'
}
