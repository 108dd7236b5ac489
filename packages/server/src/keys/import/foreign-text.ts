import type { ImportSource, LookupRule } from '../../storage/records.ts'

/** How a source sees a presented text. */
export interface ForeignText {
  /** What says which key it is; null where the source has no rule for it. */
  readonly lookup: string | null
  /** What was hashed. */
  readonly hashed: string
}

/** A text as a source reads it; null when it cannot be one of its keys. Never throws. */
export function readForeignText(
  { lookup: rule, hashes }: Pick<ImportSource, 'lookup' | 'hashes'>,
  text: string,
): ForeignText | null {
  if (rule === null) return text === '' ? null : { lookup: null, hashed: text }
  const end = endOfLookup(rule, text)
  if (end === null) return null
  const rest = text.slice(end + ('separator' in rule ? rule.separator.length : 0))
  if (end === 0 || rest === '') return null
  return { lookup: text.slice(0, end), hashed: hashes === 'text' ? text : rest }
}

/** Whether a rule would read exactly this as the look-up part of some text. */
export function isLookupOf(rule: LookupRule, lookup: string): boolean {
  if ('length' in rule) return lookup.length === rule.length
  return lookup !== '' && endOfLookup(rule, `${lookup}${rule.separator}`) === lookup.length
}

function endOfLookup(rule: LookupRule, text: string): number | null {
  if ('length' in rule) return text.length > rule.length ? rule.length : null
  let end = -1
  for (let n = 0; n < rule.occurrence; n++) {
    end = text.indexOf(rule.separator, n === 0 ? 0 : end + rule.separator.length)
    if (end === -1) return null
  }
  return end
}
