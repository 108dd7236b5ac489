import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NoteError, parseVerifierKey } from './checkpoint.ts'
import { sha256 } from './node-crypto.test-support.ts'
import { formatTrustPolicy, parseTrustPolicy, TrustPolicyError } from './trust-policy.ts'

const KEY = 'example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx'

test('log lines, a bare key, comments, blanks and "quorum none" are understood', () => {
  const key = parseVerifierKey(sha256, KEY)
  for (const text of [
    KEY,
    `${KEY}\n`,
    `log ${KEY}`,
    formatTrustPolicy([KEY]),
    `# trusted\n\n\t log \t${KEY}  https://log.example/ \n  # end\nquorum none\n`,
  ]) {
    assert.deepEqual(parseTrustPolicy(sha256, text), [key], text)
  }
})

test('a policy that asks for more than log signatures is refused, and so is one that names no log', () => {
  for (const text of [
    '',
    '# nothing\n',
    'quorum none\n',
    `log ${KEY}\nwitness w ${KEY}\n`,
    `log ${KEY}\ngroup g any w\n`,
    `log ${KEY}\nquorum w\n`,
    `log ${KEY}\nlog ${KEY}\n`,
    `log ${KEY} url more\n`,
    'log\n',
    'trust me\n',
  ]) {
    assert.throws(() => parseTrustPolicy(sha256, text), TrustPolicyError, text)
  }
  assert.throws(() => parseTrustPolicy(sha256, `log ${KEY.replace('33d7b496', '00000000')}`), NoteError)
})
