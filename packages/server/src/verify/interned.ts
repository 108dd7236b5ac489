/** Values that many keys share, by number. Equal values have one number; nothing is ever taken out. */
export class Interned<Value> {
  readonly #values: Value[] = []
  readonly #numbers = new Map<string, number>()

  constructor(values: readonly Value[] = []) {
    for (const value of values) this.numberOf(value)
  }

  /** The number of this value, which is JSON. */
  numberOf(value: Value): number {
    const name = JSON.stringify(value)
    const known = this.#numbers.get(name)
    if (known !== undefined) return known
    const number = this.#values.push(value) - 1
    this.#numbers.set(name, number)
    return number
  }

  at(number: number): Value {
    const value = this.#values[number]
    if (value === undefined) throw new Error('a number that stands for nothing')
    return value
  }

  /** All values, in the order of their numbers. */
  list(): readonly Value[] {
    return [...this.#values]
  }
}
