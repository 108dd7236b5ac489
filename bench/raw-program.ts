/** What both raw programs do with a job: measure, answer by message, end when that fails. */
export interface RawMeasurement {
  readonly count: number
  readonly wallMs: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Lets `writers` write one after the other, each for `durationMs`. */
export async function measureWriters(
  writers: readonly (() => Promise<void>)[],
  durationMs: number,
): Promise<RawMeasurement> {
  const latencies: number[] = []
  const startedAt = performance.now()
  const until = startedAt + durationMs
  await Promise.all(
    writers.map(async (write) => {
      for (let sentAt = performance.now(); sentAt < until; sentAt = performance.now()) {
        await write()
        latencies.push(performance.now() - sentAt)
      }
    }),
  )
  const wallMs = performance.now() - startedAt
  const sorted = Float64Array.from(latencies).sort()
  const quantile = (q: number): number => sorted[Math.floor((sorted.length - 1) * q)] ?? Number.NaN
  return { count: latencies.length, wallMs, p50Ms: quantile(0.5), p99Ms: quantile(0.99) }
}

/** Takes jobs by message, when this is a program of its own. */
export function answerJobs<Job>(measure: (job: Job) => Promise<RawMeasurement>): void {
  if (process.send === undefined) return
  process.on('message', (job) => {
    measure(job as Job).then(
      (measurement) => process.send?.(measurement),
      (error: unknown) => {
        console.error(error)
        process.exit(1)
      },
    )
  })
  console.log('raw ready')
}
