import assert from 'node:assert/strict'
import { Agent } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { addr, Transaction, weieth } from 'micro-eth-signer'
import { send } from '../http.ts'
import { at, numberAt, parseJson, stringAt } from '../json.ts'
import type { ProviderAnswer } from './customer.ts'
import type { Keys } from './issue.ts'
import { type Paint, type Screen, timed } from './screen.ts'
import type { World } from './world.ts'

/** An account of the customer on the chain. Its private key is made for this run and never leaves the process. */
type Account = { readonly privateKey: string; readonly address: string }

const FUNDS_WEI = weieth.decode('10')
const SENT_WEI = weieth.decode('1.5')
/** A block is made for each transaction, within milliseconds. */
const RECEIPT_WAIT_MS_MAX = 5_000

/** Calls the real API with both keys: read, be refused, send a transaction. Returns how many calls were made. */
export async function callStations(world: World, keys: Keys, screen: Screen, paint: Paint): Promise<void> {
  const account: Account = addr.random()
  await readStation(world, keys, account, screen)
  await refuseStation(world, keys, screen, paint)
  await sendStation(world, keys, account, screen)
}

async function readStation(world: World, keys: Keys, account: Account, screen: Screen): Promise<void> {
  screen.station('read')
  const { customer, chainUrl } = world
  if (chainUrl !== undefined) {
    await fund(chainUrl, account.address)
    const balance = await timed(() =>
      customer.rpc(keys.read.secret, 'eth_getBalance', [account.address, 'latest']),
    )
    const wei = BigInt(stringAt(accepted(balance.value), 'result'))
    assert.equal(wei, FUNDS_WEI, 'the account holds what it was funded with')
    screen.line(`eth_getBalance(${short(account.address)}) = ${weieth.encode(wei)} ETH`, balance.ms)
  }
  const candles = await timed(() => customer.market(keys.read.secret, 'candles?limit=1'))
  if (candles.value.code === 'NO_DATA') {
    screen.line(stringAt(candles.value.body, 'error').slice(0, 76))
    const instruments = await timed(() => customer.market(keys.read.secret, 'instruments'))
    screen.line(`instruments: ${symbolOf(accepted(instruments.value))}`, instruments.ms)
    return
  }
  const list = at(accepted(candles.value), 'candles')
  assert.ok(Array.isArray(list) && list.length === 1, 'one candle was asked for')
  const opened = new Date(numberAt(list[0], 'openTime')).toISOString().slice(0, 16)
  const figures = `open ${stringAt(list[0], 'open')}, close ${stringAt(list[0], 'close')}`
  screen.line(`market candle XBT/USDT ${opened}Z: ${figures}`, candles.ms)
}

async function refuseStation(world: World, keys: Keys, screen: Screen, paint: Paint): Promise<void> {
  screen.station('refuse')
  // What would be sent does not matter: the key is judged before anything is forwarded.
  const refused = await timed(() => world.customer.rpc(keys.read.secret, 'eth_sendRawTransaction', ['0x00']))
  assert.equal(refused.value.status, 403)
  assert.equal(refused.value.code, 'INSUFFICIENT_PERMISSIONS')
  screen.line(
    `eth_sendRawTransaction with the read key: ${paint.bad('403 INSUFFICIENT_PERMISSIONS')}`,
    refused.ms,
  )
}

async function sendStation(world: World, keys: Keys, account: Account, screen: Screen): Promise<void> {
  screen.station('send')
  if (world.chainUrl === undefined) {
    screen.line('left out: there is no chain to send a transaction to')
    return
  }
  const { customer } = world
  const ask = async (method: string, params: readonly unknown[] = []): Promise<unknown> =>
    at(accepted(await customer.rpc(keys.write.secret, method, params)), 'result')
  const to = addr.random().address
  const transaction = Transaction.prepare({
    to,
    value: SENT_WEI,
    chainId: hex(await ask('eth_chainId')),
    nonce: hex(await ask('eth_getTransactionCount', [account.address, 'pending'])),
    maxFeePerGas: hex(await ask('eth_gasPrice')) * 2n,
  }).signBy(account.privateKey)

  const raw = transaction.toHex()
  const sent = await timed(() => ask('eth_sendRawTransaction', [raw]))
  assert.equal(
    sent.value,
    `0x${transaction.hash.replace(/^0x/, '')}`,
    'the chain took exactly what was signed',
  )
  const receipt = await waitForReceipt(() => ask('eth_getTransactionReceipt', [sent.value]))
  assert.equal(stringAt(receipt, 'status'), '0x1', 'the transaction succeeded')
  const block = hex(at(receipt, 'blockNumber'))
  screen.line(`transaction ${short(String(sent.value), 18)} signed, sent, in block ${block}`, sent.ms)

  const balance = await timed(() => ask('eth_getBalance', [account.address, 'latest']))
  const left = hex(balance.value)
  const fee = hex(at(receipt, 'gasUsed')) * hex(at(receipt, 'effectiveGasPrice'))
  assert.equal(left, FUNDS_WEI - SENT_WEI - fee, 'the sender paid the value and the fee')
  assert.equal(hex(await ask('eth_getBalance', [to, 'latest'])), SENT_WEI, 'the receiver has the value')
  screen.line(
    `balance 10 -> ${weieth.encode(left).slice(0, 12)} ETH; receiver ${short(to)} has 1.5 ETH`,
    balance.ms,
  )
}

/** Asks until the transaction is in a block: the chain answers to the sending before it has mined. */
async function waitForReceipt(ask: () => Promise<unknown>): Promise<unknown> {
  const deadlineAt = Date.now() + RECEIPT_WAIT_MS_MAX
  for (;;) {
    const receipt = await ask()
    if (receipt !== null) return receipt
    if (Date.now() > deadlineAt) throw new Error('the transaction is not in a block after 5 s')
    await delay(5)
  }
}

/** Gives an account its first ether, at the node itself: the provider refuses `anvil_*`. */
async function fund(chainUrl: string, address: string): Promise<void> {
  const params = [address, `0x${FUNDS_WEI.toString(16)}`]
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'anvil_setBalance', params })
  const answer = await send(new Agent(), { method: 'POST', url: chainUrl, body, timeoutMs: 5_000 })
  assert.equal(at(parseJson(answer.body), 'error'), undefined, 'anvil funds the account')
}

/** The body of an answer that must be a success. */
export function accepted(answer: ProviderAnswer): unknown {
  const problem = at(answer.body, 'error')
  assert.ok(
    answer.status === 200 && problem === undefined,
    `status ${answer.status}: ${JSON.stringify(problem)}`,
  )
  return answer.body
}

function symbolOf(body: unknown): string {
  const list = at(body, 'instruments')
  return stringAt(Array.isArray(list) ? list[0] : undefined, 'symbol')
}

function hex(value: unknown): bigint {
  assert.ok(
    typeof value === 'string' && /^0x[0-9a-f]+$/i.test(value),
    'the chain answers with a hexadecimal number',
  )
  return BigInt(value)
}

function short(text: string, length = 8): string {
  return `${text.slice(0, length)}..${text.slice(-4)}`
}
