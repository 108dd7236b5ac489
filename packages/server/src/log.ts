export type LogLevel = 'info' | 'warn' | 'error'

/** Values that a log line may carry: no objects, so that nothing unforeseen is written out. */
export type LogFields = Readonly<Record<string, string | number | boolean | null>>

export type Log = (level: LogLevel, event: string, fields?: LogFields) => void

/** Writes one JSON object a line. `event` is a stable dotted word, e.g. `audit.checkpoint_signed`. */
export function jsonLog(write: (line: string) => void, now: () => number): Log {
  return (level, event, fields = {}) => {
    write(`${JSON.stringify({ time: new Date(now()).toISOString(), level, event, ...fields })}\n`)
  }
}
