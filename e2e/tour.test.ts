import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { findAnvil } from '../examples/rpc-provider/src/anvil.ts'
import { run } from '../examples/rpc-provider/src/run.ts'
import { requireOrSkip } from '../tools/required.ts'

const root = join(import.meta.dirname, '..')
const LINES_MAX = 45
/** It takes six seconds on an idle machine and three times that on a crowded one. */
const TOUR_MS_MAX = 90_000
const COLUMNS_MAX = 100

/** What the tour must have shown, in this order. */
const SHOWN: readonly RegExp[] = [
  /^ 1 {2}start +Keystead on http/m,
  /^ +anvil on http/m,
  /^ +provider on http/m,
  /^ 2 {2}owners /m,
  /^ 3 {2}issue +ks_key_live_[0-9A-Za-z]{12}_\.\.\. chain:read, market:read/m,
  /^ 4 {2}read +eth_getBalance\(.*\) = 10 ETH/m,
  /^ 5 {2}refuse +eth_sendRawTransaction .* 403 INSUFFICIENT_PERMISSIONS/m,
  /^ 6 {2}send +transaction 0x.* in block 1/m,
  /^ 7 {2}rotate +same key, version 2/m,
  /version 1 accepted, version 2 accepted/m,
  /version 1 401 \w+ .*, version 2 accepted/m,
  /^ 8 {2}revoke +privilegeWithdrawn/m,
  /first refused call \(401 REVOKED\)/m,
  /^ 9 {2}burst +5,000 verifications/m,
  /^10 {2}export +signed checkpoint over \d+ events/m,
  /^11 {2}verify +offline, keystead audit verify: verified/m,
  /^12 {2}tamper +in a copy, one byte of event \d+/m,
  /^Done in .*: \d+ audit events/m,
]

test('the tour does everything that it says, within one screen', async (t) => {
  if (!requireOrSkip(t, findAnvil() !== undefined, 'anvil for this platform')) return
  const tour = join(root, 'examples', 'rpc-provider', 'src', 'tour.ts')
  const { exitCode, output } = await run(process.execPath, [tour], {
    cwd: root,
    env: process.env,
    timeoutMs: TOUR_MS_MAX,
  })
  assert.equal(exitCode, 0, output)
  let rest = output
  for (const line of SHOWN) {
    const found = line.exec(rest)
    assert.ok(found !== null, `${line} is missing in:\n${output}`)
    rest = rest.slice(found.index + found[0].length)
  }
  const lines = output.trimEnd().split('\n')
  assert.ok(lines.length <= LINES_MAX, `${lines.length} lines`)
  for (const line of lines) assert.ok(line.length <= COLUMNS_MAX, line)
  assert.doesNotMatch(output, /ks_[a-z]+_[a-z]+_[0-9A-Za-z]{12}_[0-9A-Za-z]/, 'no secret is printed')
})
