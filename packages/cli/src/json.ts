import { printableLines } from './table.ts'

/**
 * Indented JSON. What a terminal would act on (C1 controls, bidirectional overrides) is written as \u escapes, which
 * mean the same in JSON.
 */
export function toJson(value: unknown): string {
  return printableLines(JSON.stringify(value, null, 2))
}
