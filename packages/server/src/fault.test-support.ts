// Lets one call of something real fail: the first, the second, and so on.
/** Whether a call fails instead of being made, or after it, so that only its answer is lost. */
export type Failing = 'before' | 'after'

/** Fails once: at the call after so many others, of those with this name, if there is one. */
export class Fault {
  #left = Number.POSITIVE_INFINITY
  #error: () => Error = () => new Error('not armed')
  #failing: Failing = 'before'
  #name: string | null = null
  fired = false

  arm(after: number, error: () => Error, failing: Failing = 'before', name: string | null = null): void {
    this.#left = after
    this.#error = error
    this.#failing = failing
    this.#name = name
    this.fired = false
  }

  disarm(): void {
    this.#left = Number.POSITIVE_INFINITY
  }

  /** Makes the call, or fails; a call that answers later is waited for, if it is to fail after it. */
  pass(name: string, call: () => unknown): unknown {
    if ((this.#name !== null && this.#name !== name) || this.#left-- !== 0) return call()
    this.fired = true
    if (this.#failing === 'before') throw this.#error()
    return Promise.resolve(call()).then(() => {
      throw this.#error()
    })
  }
}

/** The same object, whose functions of these names pass the fault first; `wrap` gets what its functions answer. */
export function faulty<T extends object>(
  target: T,
  fault: Fault,
  names: readonly string[],
  wrap: (value: unknown) => unknown = (value) => value,
): T {
  return new Proxy(target, {
    get(object, name) {
      const value: unknown = Reflect.get(object, name, object)
      if (typeof value !== 'function') return value
      return (...args: readonly unknown[]): unknown => {
        const call = (): unknown => Reflect.apply(value, object, args)
        // What undoes a failed transaction is not made to fail: the database itself undoes it when the process ends.
        const isMeant = names.includes(String(name)) && !String(args[0]).startsWith('ROLLBACK')
        return wrap(isMeant ? fault.pass(nameOf(args[0]), call) : call())
      }
    },
  })
}

/** A prepared statement's name; what else is called has none. */
function nameOf(argument: unknown): string {
  const isNamed = typeof argument === 'object' && argument !== null && 'name' in argument
  return isNamed ? String(argument.name) : ''
}
