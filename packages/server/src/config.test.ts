import assert from 'node:assert/strict'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readStart } from './config.ts'
import { StartError } from './errors.ts'
import { temporaryFolder } from './world.test-support.ts'

const refusal = (args: readonly string[], environment: Record<string, string> = {}): string => {
  try {
    readStart(args, environment)
  } catch (error) {
    assert.ok(error instanceof StartError)
    return error.message
  }
  return assert.fail('it was accepted')
}

test('a server takes a file, variables over it, and what the command line asks for', (t) => {
  const file = join(temporaryFolder(t), 'keystead.yaml')
  writeFileSync(file, 'listen:\n  port: 4441\nbrand: acme\n', { mode: 0o644 })
  const { config, wanted } = readStart(['--config', file, '--new-epoch'], { KEYSTEAD_BRAND: 'other' })
  assert.deepEqual([config.port, config.brand], [4441, 'other'])
  assert.deepEqual(wanted, { newBootstrapKey: false, newEpoch: true })
  assert.equal(readStart([], { KEYSTEAD_CONFIG: file }).config.port, 4441)
  assert.equal(readStart([], {}).config.port, 4440)
})

test('all that is wrong is said at once, a line each', (t) => {
  const file = join(temporaryFolder(t), 'keystead.yaml')
  writeFileSync(file, 'listen:\n  port: http\nbrnd: acme\n', { mode: 0o644 })
  const lines = refusal(['--config', file], { KEYSTEAD_NODE_NAME: 'two words' }).split('\n')
  assert.deepEqual(
    lines.map((line) => line.replace(`${file}:`, '').slice(0, 22)),
    ['3:1: there is no setti', '2:9: listen.port is "h', 'KEYSTEAD_NODE_NAME is '],
  )
})

test('a file that is not there, or that others can write, is refused', (t) => {
  const file = join(temporaryFolder(t), 'keystead.yaml')
  assert.match(refusal(['--config', file]), /keystead\.yaml:1:1: cannot be read \(ENOENT\)/)
  writeFileSync(file, '')
  chmodSync(file, 0o666)
  assert.match(refusal(['--config', file]), /can be changed by others: run chmod go-w/)
})

test('a word on the command line that means nothing is refused', () => {
  assert.match(
    refusal(['--new-epock']),
    /--new-epock.* The server takes --config, --new-bootstrap-key, --new-epoch/,
  )
  assert.match(refusal(['keystead.yaml']), /The server takes/)
})
