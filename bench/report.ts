/** One row of the table of numbers. */
export interface Row {
  readonly what: string
  readonly must: string
  readonly measured: string
  readonly command: string
  readonly passed: boolean
}

export function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms))
}
