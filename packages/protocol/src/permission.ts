/**
 * Permissions: `resource:action`, e.g. `market:read`, `orders.spot:trade`, `funds:withdraw`.
 *
 * A granted permission may use wildcards: `*` alone is everything; `*` as the action is every action; a `*` segment of
 * a resource stands for exactly one segment, but as the last segment for one or more (`orders.*:trade`), and `*` as
 * the whole resource for any resource. A leading `!` denies, and a deny always wins. A wanted permission is exact.
 */
export const PERMISSION_LENGTH_MAX = 128
/** A key with more permissions than this wants a role, and every decision walks its wildcards. */
export const PERMISSIONS_MAX = 64
/** Roles of one key. */
export const ROLES_MAX = 16
/** What a key can have from its own list and its roles together. */
export const EFFECTIVE_PERMISSIONS_MAX = PERMISSIONS_MAX * (1 + ROLES_MAX)

const SEGMENT = '[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?'
const EXACT = `${SEGMENT}(?:\\.${SEGMENT})*:${SEGMENT}`
const PATTERN_SEGMENT = `(?:${SEGMENT}|\\*)`
export const WANTED_PERMISSION_PATTERN = `^${EXACT}$`
export const GRANTED_PERMISSION_PATTERN = `^!?(?:\\*|${PATTERN_SEGMENT}(?:\\.${PATTERN_SEGMENT})*:${PATTERN_SEGMENT})$`
const WANTED = new RegExp(WANTED_PERMISSION_PATTERN)
const GRANTED = new RegExp(GRANTED_PERMISSION_PATTERN)

/** Granted permissions made ready for decisions. Build once per distinct list and share: it is immutable. */
export interface Grants {
  readonly list: readonly string[]
  readonly allow: Matcher
  readonly deny: Matcher
}

interface Matcher {
  readonly exact: ReadonlySet<string>
  readonly patterns: readonly Pattern[]
}

interface Pattern {
  readonly segments: readonly string[]
  readonly action: string
}

/** True for one exact `resource:action` of at most 128 characters: what a verification may ask for. */
export function isWantedPermission(text: string): boolean {
  return text.length <= PERMISSION_LENGTH_MAX && WANTED.test(text)
}

/** True for what a key may be given: exact, wildcard, or either with a leading `!`. */
export function isGrantedPermission(text: string): boolean {
  return text.length <= PERMISSION_LENGTH_MAX && GRANTED.test(text)
}

/**
 * Compiles a list of granted permissions. Throws RangeError on a malformed entry or more than `max`: a list that cannot
 * be read grants nothing, it is never read in part.
 */
export function compileGrants(list: readonly string[], max: number = PERMISSIONS_MAX): Grants {
  if (list.length > max) throw new RangeError(`more than ${max} permissions`)
  for (const text of list) {
    if (!isGrantedPermission(text)) throw new RangeError('malformed permission')
  }
  return {
    list,
    allow: matcher(list.filter((text) => !text.startsWith('!'))),
    deny: matcher(list.filter((text) => text.startsWith('!')).map((text) => text.slice(1))),
  }
}

/** Whether the grants allow one exact permission. No entry that matches means no; a deny that matches means no. */
export function allows(grants: Grants, wanted: string): boolean {
  return matches(grants.allow, wanted) && !matches(grants.deny, wanted)
}

/**
 * Whether everything that `requested` would allow is allowed by `grants` too, so that nobody hands out more than they
 * have. Errs on the side of no: a deny of the giver must be repeated in the request unless nothing requested meets it.
 */
export function covers(grants: Grants, requested: readonly string[]): boolean {
  const wanted = requested.filter((text) => !text.startsWith('!'))
  const denied = new Set(requested.filter((text) => text.startsWith('!')).map((text) => text.slice(1)))
  const given = [...grants.allow.exact].map(parsePattern).concat(grants.allow.patterns)
  const withheld = [...grants.deny.exact, ...grants.deny.patterns.map(patternText)]
  return wanted
    .map(parsePattern)
    .every(
      (pattern) =>
        given.some((wider) => includes(wider, pattern)) &&
        withheld.every((text) => denied.has(text) || !overlaps(parsePattern(text), pattern)),
    )
}

function matcher(list: readonly string[]): Matcher {
  return {
    exact: new Set(list.filter((text) => !text.includes('*'))),
    patterns: list.filter((text) => text.includes('*')).map(parsePattern),
  }
}

function matches(matcher: Matcher, wanted: string): boolean {
  if (matcher.exact.has(wanted)) return true
  if (matcher.patterns.length === 0) return false
  const exact = parsePattern(wanted)
  return matcher.patterns.some((pattern) => includes(pattern, exact))
}

function parsePattern(text: string): Pattern {
  if (text === '*') return { segments: ['*'], action: '*' }
  const colon = text.lastIndexOf(':')
  return { segments: text.slice(0, colon).split('.'), action: text.slice(colon + 1) }
}

function patternText(pattern: Pattern): string {
  return `${pattern.segments.join('.')}:${pattern.action}`
}

/** Whether every permission that `narrow` matches is matched by `wide`. An exact permission is its own pattern. */
function includes(wide: Pattern, narrow: Pattern): boolean {
  if (wide.action !== '*' && wide.action !== narrow.action) return false
  const last = wide.segments.length - 1
  const open = wide.segments[last] === '*'
  if (open ? narrow.segments.length <= last : narrow.segments.length !== last + 1) return false
  // A narrow pattern that ends in `*` is itself of any length, so only an open wide one can hold it.
  if (!open && narrow.segments.at(-1) === '*') return false
  return wide.segments.every((segment, i) => segment === '*' || segment === narrow.segments[i])
}

/** Whether one permission exists that both match; may say yes when unsure, never no when there is one. */
function overlaps(one: Pattern, other: Pattern): boolean {
  if (one.action !== '*' && other.action !== '*' && one.action !== other.action) return false
  const length = Math.min(one.segments.length, other.segments.length)
  for (let i = 0; i < length; i++) {
    const a = one.segments[i]
    const b = other.segments[i]
    if (a !== '*' && b !== '*' && a !== b) return false
  }
  return (
    one.segments.length === other.segments.length ||
    one.segments.at(-1) === '*' ||
    other.segments.at(-1) === '*'
  )
}
