import assert from 'node:assert/strict'
import { test } from 'node:test'
import { observe } from './fsync-order.ts'

const SYNC = '11 fdatasync(20)                         = 0'
const ANSWER = '11 writev(24, [{iov_base="HTTP/1.1 201 Created\\r\\nx"..., iov_len=300}], 1) = 300'

test('an answer after its own sync is on time', () => {
  assert.deepEqual(observe([SYNC, ANSWER, SYNC, SYNC, ANSWER].join('\n')), { answers: 2, syncs: 3, early: 0 })
})

test('an answer that left before its sync, or after a sync that failed, is counted as early', () => {
  const failed = '11 fdatasync(20)                         = -1 EIO (Input/output error)'
  assert.deepEqual(observe([SYNC, ANSWER, ANSWER, failed, ANSWER, SYNC].join('\n')), {
    answers: 3,
    syncs: 2,
    early: 2,
  })
})

test('a sync that another thread interrupted in the trace counts when it has returned', () => {
  const trace = ['11 fdatasync(20 <unfinished ...>', ANSWER, '11 <... fdatasync resumed>) = 0', ANSWER]
  assert.deepEqual(observe(trace.join('\n')), { answers: 2, syncs: 1, early: 1 })
})
