/** The part of node:test's context that is needed here. */
interface Skippable {
  skip(message?: string): void
}

/**
 * For tests that need a service which not every machine has: true when it is there. Otherwise the test is skipped,
 * visibly and with the reason, and the answer is false; under CI=true it throws, since there nothing may be left out.
 * @param what the service and how to get it, as in "PostgreSQL (install postgresql or set KEYSTEAD_TEST_POSTGRES_URL)"
 */
export function requireOrSkip(t: Skippable, present: boolean, what: string): boolean {
  if (present) return true
  if (process.env['CI'] === 'true') throw new Error(`required under CI=true and missing: ${what}`)
  t.skip(`missing: ${what}`)
  return false
}
