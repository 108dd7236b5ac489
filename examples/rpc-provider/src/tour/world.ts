import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findAnvil, startAnvil } from '../anvil.ts'
import { type Child, startChild } from '../child.ts'
import { stringAt } from '../json.ts'
import { connectCustomer, type Customer } from './customer.ts'
import { connectOperator, type Operator, readIssued } from './operator.ts'
import { type Screen, timed } from './screen.ts'

export const repository = join(import.meta.dirname, '..', '..', '..', '..')

/** Everything that runs during the tour. */
export type World = {
  readonly folder: string
  readonly keysteadUrl: string
  readonly bootstrapKeyFile: string
  readonly operator: Operator
  readonly projectId: string
  /** The provider's own root key: it may verify keys of production, nothing else. */
  readonly verifierKey: string
  /** The node's address, for funding an account; undefined where there is no anvil for this platform. */
  readonly chainUrl: string | undefined
  readonly customer: Customer
}

/** What must be ended and removed, whatever happens. */
export type Cleanup = {
  /** Keeps a program that was started; ends it at once when the end has already begun. */
  readonly own: (child: Child) => void
  readonly folder: () => Promise<string>
  /** Ends the programs, newest first, and removes the folders. May be called twice. */
  readonly run: () => Promise<void>
  /** The same without waiting, for a process that is about to end. */
  readonly runNow: () => void
}

/** Keeps what the tour started. */
export function createCleanup(): Cleanup {
  const children: Child[] = []
  const folders: string[] = []
  let ending = false
  return {
    own: (child) => {
      if (ending) child.kill()
      else children.unshift(child)
    },
    folder: async () => {
      const made = await mkdtemp(join(tmpdir(), 'keystead-tour-'))
      folders.push(made)
      return made
    },
    run: async () => {
      ending = true
      for (const child of children.splice(0)) await child.stop()
      for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true })
    },
    runNow: () => {
      for (const child of children.splice(0)) child.kill()
      for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Starts Keystead with an empty data folder, a chain, and the provider with a root key of its own. */
export async function startWorld(screen: Screen, cleanup: Cleanup): Promise<World> {
  screen.station('start')
  const folder = await cleanup.folder()
  const dataFolder = join(folder, 'data')
  const keystead = await timed(() => startKeystead(dataFolder, cleanup))
  const keysteadUrl = keystead.value
  screen.line(`Keystead on ${keysteadUrl}: empty folder, SQLite, file seal`, keystead.ms)

  const chainUrl = await startChain(screen, folder, cleanup)

  const bootstrapKeyFile = join(dataFolder, 'bootstrap-key')
  const operator = connectOperator(keysteadUrl, (await readFile(bootstrapKeyFile, 'utf8')).trim())
  const project = await operator.post('/v1/projects', { name: 'RPC provider' })
  const projectId = stringAt(project, 'id')
  const verifierKey = await issueVerifierKey(operator, projectId)
  await assertVerifiesOnly(keysteadUrl, verifierKey)
  const providerKeyFile = join(folder, 'provider-key')
  await writeFile(providerKeyFile, verifierKey, { mode: 0o600 })

  const provider = await timed(() => startProvider(keysteadUrl, providerKeyFile, chainUrl, cleanup))
  screen.line(`provider on ${provider.value}: may verify production keys, nothing else`, provider.ms)
  const customer = connectCustomer(provider.value)
  return { folder, keysteadUrl, bootstrapKeyFile, operator, projectId, verifierKey, chainUrl, customer }
}

async function startKeystead(dataFolder: string, cleanup: Cleanup): Promise<string> {
  await mkdir(dataFolder)
  const command = {
    name: 'Keystead',
    command: process.execPath,
    args: [join(repository, 'packages', 'server', 'src', 'main.ts')],
    env: { ...foreignEnv(process.env), KEYSTEAD_DATA_DIR: dataFolder, KEYSTEAD_PORT: '0' },
    ready: /keystead ready on (http:\/\/127\.0\.0\.1:\d+)/,
  }
  return (await startChild(command, cleanup.own))[1] ?? ''
}

async function startChain(screen: Screen, folder: string, cleanup: Cleanup): Promise<string | undefined> {
  const binary = findAnvil()
  if (binary === undefined) {
    screen.line(`no chain: anvil is not here for ${process.platform}-${process.arch}; market data only`)
    return undefined
  }
  const anvil = await timed(() => startAnvil(binary, folder, cleanup.own))
  screen.line(`anvil on ${anvil.value}: an Ethereum chain of our own`, anvil.ms)
  return anvil.value
}

async function issueVerifierKey(operator: Operator, projectId: string): Promise<string> {
  const issued = await operator.post('/v1/root-keys', {
    projectId,
    environment: 'production',
    name: 'rpc-provider',
    permissions: ['keys:verify'],
    expiresAt: Date.now() + 24 * 60 * 60 * 1000,
  })
  return readIssued(issued).secret
}

/** The provider's root key must be of no use for anything but verification. */
async function assertVerifiesOnly(keysteadUrl: string, verifierKey: string): Promise<void> {
  const provider = connectOperator(keysteadUrl, verifierKey)
  await assert.rejects(provider.get('/v1/keys'), /answered 403 access\.denied/)
  provider.close()
}

async function startProvider(
  keysteadUrl: string,
  keyFile: string,
  chainUrl: string | undefined,
  cleanup: Cleanup,
): Promise<string> {
  const marketData = process.env['KEYSTEAD_MARKET_DATA']
  const command = {
    name: 'the provider',
    command: process.execPath,
    args: [join(import.meta.dirname, '..', 'main.ts')],
    env: {
      ...foreignEnv(process.env),
      ...(marketData === undefined ? {} : { KEYSTEAD_MARKET_DATA: marketData }),
      KEYSTEAD_URL: keysteadUrl,
      PROVIDER_KEY_FILE: keyFile,
      PROVIDER_PORT: '0',
      CHAIN_URL: chainUrl ?? 'none',
    },
    ready: /provider ready on (http:\/\/127\.0\.0\.1:\d+)/,
  }
  return (await startChild(command, cleanup.own))[1] ?? ''
}

/** The environment without settings of another Keystead or provider, so that the tour depends on nothing around it. */
export function foreignEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(KEYSTEAD|PROVIDER)_/.test(name)))
}
