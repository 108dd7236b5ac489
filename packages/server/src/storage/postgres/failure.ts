import { DatabaseError } from 'pg'

/** Somebody else changed what a transaction builds on: it can be run again. */
const CONFLICTS = new Set([
  '23505', // unique_violation
  '40001', // serialization_failure
  '40P01', // deadlock_detected
  '55P03', // lock_not_available: lock_timeout
])

/** Whether the server refused a statement because of another transaction. */
export function isConflict(error: unknown): boolean {
  return error instanceof DatabaseError && CONFLICTS.has(error.code ?? '')
}

/**
 * Whether the server itself refused, and so has certainly undone, what was asked. Not for a connection that broke, nor
 * for a server that shuts down (57P) or fails inside (58, XX): what they did is not known.
 */
export function isRefusal(error: unknown): boolean {
  return error instanceof DatabaseError && !/^(08|57P|58|XX)/.test(error.code ?? '08')
}
