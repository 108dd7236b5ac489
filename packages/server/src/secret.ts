import { inspect } from 'node:util'

/**
 * A value that must not be seen: it has no text form, so that no log line, error or JSON body carries it by accident.
 * Only `reveal` gives it out; call it in the one place that needs the value.
 */
export class Secret<Value extends string | Uint8Array> {
  readonly #value: Value

  constructor(value: Value) {
    this.#value = value
  }

  reveal(): Value {
    return this.#value
  }

  /** Overwrites secret bytes. A string cannot be overwritten in JavaScript: keep its life short instead. */
  [Symbol.dispose](): void {
    if (typeof this.#value !== 'string') this.#value.fill(0)
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): never {
    throw new TypeError('a secret has no JSON form')
  }

  [inspect.custom](): string {
    return '[secret]'
  }
}
