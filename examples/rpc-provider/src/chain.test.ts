import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { requireOrSkip } from '../../../tools/required.ts'
import { findAnvil, startAnvil } from './anvil.ts'
import { connectChain, matchAnswers } from './chain.ts'
import type { Child } from './child.ts'
import type { RpcCall } from './json-rpc.ts'

function call(id: string | number, method = 'eth_chainId'): RpcCall {
  return { id, method, params: [], permission: 'chain:read' }
}

test('answers of the node come back in the order of the calls, under the ids of the clients', () => {
  const node = [
    { jsonrpc: '2.0', id: 1, error: { code: 3, message: 'reverted', data: '0x' } },
    { jsonrpc: '2.0', id: 0, result: null },
  ]
  assert.deepEqual(matchAnswers([call('a'), call('a')], node), [
    { jsonrpc: '2.0', id: 'a', result: null },
    { jsonrpc: '2.0', id: 'a', error: { code: 3, message: 'reverted', data: '0x' } },
  ])
})

test('a call that the node leaves unanswered is an error, and answers to nothing are dropped', () => {
  for (const node of [
    undefined,
    {},
    [],
    [null],
    [{ id: 7, result: 1 }],
    [{ id: '0', result: 1 }],
    [{ id: 0 }],
  ]) {
    const [answer] = matchAnswers([call(5)], node)
    assert.ok(answer !== undefined && 'error' in answer)
    assert.deepEqual([answer.id, answer.error.code], [5, -32002])
  }
})

test('calls reach a real chain and come back', async (t) => {
  const binary = findAnvil()
  if (!requireOrSkip(t, binary !== undefined, 'anvil for this platform') || binary === undefined) return
  const home = await mkdtemp(join(tmpdir(), 'keystead-anvil-'))
  const children: Child[] = []
  try {
    const chain = connectChain(await startAnvil(binary, home, (child) => children.push(child)))
    const answers = await chain.forward([
      call('chain'),
      call(2, 'eth_blockNumber'),
      call(3, 'no_such_method'),
    ])
    chain.close()
    assert.deepEqual(answers.slice(0, 2), [
      { jsonrpc: '2.0', id: 'chain', result: '0x7a69' },
      { jsonrpc: '2.0', id: 2, result: '0x0' },
    ])
    assert.ok(answers[2] !== undefined && 'error' in answers[2])
  } finally {
    await Promise.all(children.map((child) => child.stop()))
    await rm(home, { recursive: true, force: true })
  }
})
