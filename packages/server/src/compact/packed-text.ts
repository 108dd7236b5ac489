/**
 * A text of printable ASCII in 32-bit words, four characters a word, the rest zero: what records keep and tables compare.
 * One object packs one text at a time, without an allocation.
 */
export class PackedText {
  readonly words: Uint32Array

  /** `words`: how many words a text gets. */
  constructor(words: number) {
    this.words = new Uint32Array(words)
  }

  /** Packs a text; false when it is too long or has other characters, so that no record can hold it. */
  pack(text: string): boolean {
    const { words } = this
    const { length } = text
    if (length > 4 * words.length) return false
    for (let i = 0, at = 0; i < words.length; i++) {
      let word = 0
      for (let shift = 0; shift < 32 && at < length; shift += 8, at++) {
        const code = text.charCodeAt(at)
        if (code < 0x21 || code > 0x7e) return false
        word |= code << shift
      }
      words[i] = word
    }
    return true
  }

  get hash(): number {
    return hashOfWords(this.words, 0, this.words.length)
  }

  /** Whether these words of a page are the packed text. */
  isAt(words: Uint32Array, from: number): boolean {
    const own = this.words
    for (let i = 0; i < own.length; i++) if (words[from + i] !== own[i]) return false
    return true
  }
}

/**
 * 32 well-mixed bits (the mixing steps of MurmurHash3). Needs no key: what is kept here has random parts that this
 * server draws, so nobody can make many texts of one hash and have them kept.
 */
export function hashOfWords(words: Uint32Array, from: number, count: number): number {
  let hash = 0x9e3779b9
  for (let i = from; i < from + count; i++) {
    hash = Math.imul(hash ^ (words[i] ?? 0), 0x85ebca6b)
    hash ^= hash >>> 13
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0xc2b2ae35)
  return (hash ^ (hash >>> 15)) >>> 0
}
