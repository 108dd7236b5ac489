/** proc(5): processor time of processes and idle time of cores, in milliseconds. */
import { readFileSync } from 'node:fs'

/** The kernel counts in USER_HZ, which is 100 on every Linux that Node runs on. */
const MS_PER_TICK = 10

/** User and system time of a process with all its threads, so far. */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  // The name in parentheses may hold spaces; utime and stime are the 12th and 13th field after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK
}

/** Idle and waiting time of one core, so far. */
export function idleMsOfCore(core: number): number {
  const fields = new RegExp(`^cpu${core} (.*)$`, 'm').exec(readFileSync('/proc/stat', 'latin1'))?.[1]
  const ticks = fields?.trim().split(/ +/).map(Number) ?? []
  return ((ticks[3] ?? Number.NaN) + (ticks[4] ?? Number.NaN)) * MS_PER_TICK
}
