import { SERVER } from '../access/authorize.ts'
import type { Log } from '../log.ts'
import type { Store } from '../storage/store.ts'

/** Distinct rows that are named in the log of one process: whoever changes thousands must not fill the log with it. */
const ALARMS_MAX = 1_000

/**
 * Makes an alarm of every row that was found changed outside Keystead: one line in the server's log and one event in the
 * audit log for each row and kind of damage, however often it is met (T-05). The row itself is refused by the store.
 */
export function raiseIntegrityAlarms(store: Store, log: Log): void {
  const raised = new Set<string>()
  store.onRefused((refused) => {
    const alarm = { table: refused.table, row: printable(refused.id), what: printable(refused.what) }
    const name = JSON.stringify(alarm)
    if (raised.has(name) || raised.size >= ALARMS_MAX) return
    raised.add(name)
    log('error', 'storage.integrity_alarm', alarm)
    const recorded = store.transact(SERVER, async (tx) => {
      tx.record({ action: 'integrity.alarm', projectId: null, environment: null, details: alarm })
    })
    recorded.catch((error: unknown) => {
      // Met again, it is tried again.
      raised.delete(name)
      log('error', 'audit.alarm_not_recorded', { reason: error instanceof Error ? error.message : 'unknown' })
    })
  })
}

/** The id of a changed row is whatever somebody wrote there. */
function printable(text: string): string {
  return text.slice(0, 100).replaceAll(/[^ -~]/g, '?')
}
