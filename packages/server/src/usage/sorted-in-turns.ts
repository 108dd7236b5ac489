import { setImmediate as nextTurn } from 'node:timers/promises'

/** Sorted at once: about a millisecond. */
const RUN = 1_024

/** Sorted as by toSorted, in slices of about a millisecond that let others run. */
export async function sortedInTurns<T>(
  items: readonly T[],
  compare: (one: T, other: T) => number,
): Promise<readonly T[]> {
  let runs: (readonly T[])[] = []
  for (let from = 0; from < items.length; from += RUN) {
    runs.push(items.slice(from, from + RUN).toSorted(compare))
    await nextTurn()
  }
  while (runs.length > 1) {
    const merged: (readonly T[])[] = []
    for (let i = 0; i < runs.length; i += 2)
      merged.push(await mergedInTurns(runs[i] ?? [], runs[i + 1] ?? [], compare))
    runs = merged
  }
  return runs[0] ?? []
}

async function mergedInTurns<T>(
  left: readonly T[],
  right: readonly T[],
  compare: (one: T, other: T) => number,
): Promise<readonly T[]> {
  const merged: T[] = []
  for (let l = 0, r = 0; l < left.length || r < right.length;) {
    const takesLeft = r >= right.length || (l < left.length && compare(left[l] as T, right[r] as T) <= 0)
    merged.push((takesLeft ? left[l++] : right[r++]) as T)
    if (merged.length % RUN === 0) await nextTurn()
  }
  return merged
}
