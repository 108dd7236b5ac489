// Prometheus text format 0.0.4
import { VERIFICATION_CODES } from '@keystead/protocol/decision'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { CheckpointPublisher } from './audit/publish.ts'
import type { Log } from './log.ts'
import type { Store } from './storage/store.ts'
import type { Verifier } from './verify/verifier.ts'

/** Seconds: from an answer out of memory to a change that waited for a slow disk. */
const DURATIONS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]
/** Events of the log are words of the program; more than it has would be a mistake. */
const EVENTS_MAX = 200

/** What is watched. */
export interface Watched {
  readonly store: Store
  readonly verifier: Verifier
  readonly publisher: CheckpointPublisher
  readonly logCounts: LogCounts
}

/** How often each event was logged, by level. */
export class LogCounts {
  readonly #counts = new Map<string, { readonly level: string; readonly event: string; count: number }>()

  /** A log that counts what it writes. */
  counting(log: Log): Log {
    return (level, event, fields) => {
      const name = `${level} ${event}`
      const known = this.#counts.get(name)
      if (known !== undefined) known.count += 1
      else if (this.#counts.size < EVENTS_MAX) this.#counts.set(name, { level, event, count: 1 })
      log(level, event, fields)
    }
  }

  values(): Iterable<{ readonly level: string; readonly event: string; readonly count: number }> {
    return this.#counts.values()
  }
}

/**
 * Counts and states of one server process. Every label takes values of the program only, codes, operations, levels, never
 * a key, owner or address: how many series there are does not depend on what is served.
 */
export class Metrics {
  readonly #registry = new Registry()
  readonly #requests: Counter
  readonly #durations: Histogram
  readonly #problems: Counter
  readonly #turnedAway: Counter

  constructor(watched: Watched) {
    const registers = [this.#registry]
    this.#requests = new Counter({
      name: 'keystead_requests_total',
      help: 'Answered requests by operation and HTTP status, but verifications',
      labelNames: ['operation', 'status'],
      registers,
    })
    this.#durations = new Histogram({
      name: 'keystead_request_duration_seconds',
      help: 'How long they took, from their header to their answer',
      labelNames: ['operation'],
      buckets: DURATIONS,
      registers,
    })
    this.#problems = new Counter({
      name: 'keystead_problems_total',
      help: 'Refused and failed requests of all kinds by error code',
      labelNames: ['code'],
      registers,
    })
    this.#turnedAway = new Counter({
      name: 'keystead_connections_refused_total',
      help: 'Connections beyond what the server, or one address, may have',
      labelNames: ['why'],
      registers,
    })
    collectDefaultMetrics({ register: this.#registry })
    watchVerifications(registers, watched)
    watchState(registers, watched)
  }

  /** A request that was answered; `seconds` from its header to its answer. */
  answered(operation: string, status: number, seconds: number): void {
    this.#requests.inc({ operation, status })
    this.#durations.observe({ operation }, seconds)
  }

  refused(code: string): void {
    this.#problems.inc({ code })
  }

  /** A connection was not taken: there were too many, of all or of its address. */
  turnedAway(why: 'all' | 'address'): void {
    this.#turnedAway.inc({ why })
  }

  async render(): Promise<string> {
    return this.#registry.metrics()
  }
}

function watchVerifications(registers: Registry[], { verifier, logCounts }: Watched): void {
  new Counter({
    name: 'keystead_verifications_total',
    help: 'Decisions on presented texts by answer; as caller: on credentials for Keystead itself',
    labelNames: ['code', 'as'],
    registers,
    collect() {
      this.reset()
      for (const code of VERIFICATION_CODES)
        for (const as of ['key', 'caller'] as const)
          this.inc({ code, as }, verifier.usage.totalOf(code, as === 'caller'))
    },
  })
  new Counter({
    name: 'keystead_uses_dropped_total',
    help: 'Decisions for which there was no room in the record of uses; the audit log says so too',
    registers,
    collect() {
      this.reset()
      this.inc(verifier.usage.dropped)
    },
  })
  new Counter({
    name: 'keystead_log_events_total',
    help: 'Lines of the server log by event; docs/operate/monitoring.md says which are worth an alarm',
    labelNames: ['level', 'event'],
    registers,
    collect() {
      this.reset()
      for (const { level, event, count } of logCounts.values()) this.inc({ level, event }, count)
    },
  })
}

function watchState(registers: Registry[], { store, verifier, publisher }: Watched): void {
  const gauge = (name: string, help: string, value: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value())
      },
    })
  }
  const unsigned = (): number => Math.max(0, store.head().size - (publisher.last?.size ?? 0))
  gauge('keystead_keys', 'Keys in memory, in every state', () => verifier.index.size)
  gauge(
    'keystead_index_age_seconds',
    'Since memory was known to hold everything committed',
    () => verifier.ageMs() / 1_000,
  )
  gauge('keystead_audit_log_size', 'Leaves of the audit log', () => store.head().size)
  gauge(
    'keystead_audit_unsigned_leaves',
    'Leaves that no signed checkpoint covers yet; above 0 for seconds only',
    unsigned,
  )
  gauge('keystead_leader', '1 on the process that signs and runs schedules', () => Number(store.isLeader()))
  gauge('keystead_halted', '1 when changes are refused because the log is not what was written', () =>
    Number(store.halted() !== null),
  )
}
