import assert from 'node:assert'

/**
 * Everything inside a transaction function settles in microtasks, since SQLite answers at once. What has not settled
 * by the next turn of the loop waits for something else, and would hold the write lock for as long: an assertion failure.
 */
export async function withoutWaiting<T>(work: Promise<T>): Promise<T> {
  let overdue: NodeJS.Immediate | undefined
  const waiting = new Promise<never>((_, reject) => {
    overdue = setImmediate(() => {
      reject(new assert.AssertionError({ message: 'a transaction awaited something other than itself' }))
    })
  })
  try {
    return await Promise.race([work, waiting])
  } finally {
    clearImmediate(overdue)
  }
}
