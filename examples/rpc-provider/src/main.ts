import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findAnvil, startAnvil } from './anvil.ts'
import { connectChain } from './chain.ts'
import { connectKeystead } from './keystead.ts'
import { readMarket } from './market.ts'
import { createProvider } from './provider.ts'

const repository = join(import.meta.dirname, '..', '..', '..')

/**
 * Runs the provider until SIGINT or SIGTERM. Reads PROVIDER_KEY_FILE (a file with the provider's own root key),
 * PROVIDER_PORT (8545; 0 for any), KEYSTEAD_URL, KEYSTEAD_MARKET_DATA and CHAIN_URL (without it an anvil of its own;
 * `none` for no chain at all).
 */
async function main(env: NodeJS.ProcessEnv): Promise<void> {
  const endings: (() => void)[] = []
  const stop = (): void => {
    for (const end of endings.splice(0)) end()
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop)
  try {
    await listen(env, endings)
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error))
    process.exitCode = 1
    stop()
  }
}

async function listen(env: NodeJS.ProcessEnv, endings: (() => void)[]): Promise<void> {
  const keyFile = env['PROVIDER_KEY_FILE']
  if (keyFile === undefined)
    throw new Error('PROVIDER_KEY_FILE must name a file with a root key that holds keys:verify')
  const keystead = connectKeystead(
    env['KEYSTEAD_URL'] ?? 'http://127.0.0.1:4440',
    (await readFile(keyFile, 'utf8')).trim(),
  )
  endings.push(keystead.close)
  const market = await readMarket(
    env['KEYSTEAD_MARKET_DATA'] ?? join(repository, '..', 'shared', 'data', 'market'),
  )
  const chainUrl = env['CHAIN_URL'] ?? (await startOwnChain(endings)) ?? 'none'
  const chain = chainUrl === 'none' ? undefined : connectChain(chainUrl)
  if (chain !== undefined) endings.push(chain.close)

  const server = createProvider({ keystead, chain, market, warn: (line) => console.error(line) })
  server.listen(Number(env['PROVIDER_PORT'] ?? 8545), '127.0.0.1')
  await once(server, 'listening')
  endings.push(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const figures = market.candles === undefined ? `none in ${market.folder}` : 'recorded figures'
  console.log(`chain: ${chainUrl}; market data: ${figures}`)
  console.log(`provider ready on http://127.0.0.1:${port}`)
}

async function startOwnChain(endings: (() => void)[]): Promise<string | undefined> {
  const binary = findAnvil()
  if (binary === undefined) return undefined
  return await startAnvil(binary, tmpdir(), (child) => endings.push(() => void child.stop()))
}

await main(process.env)
