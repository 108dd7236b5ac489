import { usageFailure } from './failure.ts'

export type RawValue = string | boolean | readonly (string | boolean)[] | undefined

/** Parsed option values and positionals of one invocation. */
export class Values {
  readonly #options: Readonly<Record<string, RawValue>>
  readonly #positionals: Readonly<Record<string, string>>

  constructor(options: Readonly<Record<string, RawValue>>, positionals: Readonly<Record<string, string>>) {
    this.#options = options
    this.#positionals = positionals
  }

  /** The option's text, or undefined when it was not given. */
  text(name: string): string | undefined {
    const value = this.#options[name]
    return typeof value === 'string' ? value : undefined
  }

  /** The option's text; a usage failure when it was not given. */
  required(name: string): string {
    const value = this.text(name)
    if (value === undefined) throw usageFailure(`--${name} is missing`)
    return value
  }

  flag(name: string): boolean {
    return this.#options[name] === true
  }

  /** All values of a repeatable option, or undefined when it was not given. */
  list(name: string): readonly string[] | undefined {
    const value = this.#options[name]
    return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : undefined
  }

  /** A whole number within [min, max], or undefined when it was not given. */
  integer(name: string, min: number, max: number): number | undefined {
    const value = this.text(name)
    if (value === undefined) return undefined
    const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN
    if (!(number >= min && number <= max)) {
      throw usageFailure(`--${name} must be a whole number from ${min} to ${max}`)
    }
    return number
  }

  /** A positional argument; a usage failure when it was not given. */
  positional(name: string): string {
    const value = this.#positionals[name]
    if (value === undefined) throw usageFailure(`<${name}> is missing`)
    return value
  }

  optionalPositional(name: string): string | undefined {
    return this.#positionals[name]
  }
}

/**
 * An identifier such as `key_01k...`: prefix, underscore and 26 characters of lower-case Crockford base32.
 * Checked here because it becomes a segment of the request's path.
 */
export function identifier(prefix: string, text: string): string {
  if (!text.startsWith(`${prefix}_`) || !/^[a-z]+_[0-9a-hjkmnp-tv-z]{26}$/.test(text)) {
    throw usageFailure(
      `expected an id like ${prefix}_01k3f8c2x5w9m7q4t6v0b1n2p3, not ${JSON.stringify(text.slice(0, 80))}`,
    )
  }
  return text
}

/** A position or size of the audit log: an integer from 0 to 2^53 - 1. */
export function parsePosition(text: string): number {
  const position = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(position))
    throw usageFailure('a position is a whole number; 0 is the first event')
  return position
}
