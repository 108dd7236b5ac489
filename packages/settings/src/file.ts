// YAML 1.2, core schema
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseDocument,
} from 'yaml'
import type { Problem, Source } from './problem.ts'
import { SETTINGS } from './setting.ts'

/** A configuration is some dozen lines; what is larger is another file. */
export const FILE_BYTES_MAX = 65_536

/** A value as the file has it, not checked yet. */
export interface RawValue {
  readonly source: Source
  readonly value: unknown
}

export interface FileValues {
  /** By the name of the setting. */
  readonly values: ReadonlyMap<string, RawValue>
  readonly problems: readonly Problem[]
}

const NAMES: readonly string[] = SETTINGS.map(({ name }) => name)
const SECTIONS = [...new Set(NAMES.flatMap((name) => name.split('.').slice(0, -1)))]

/** Reads the text of a configuration file; what is wrong is said with its line, all of it at once. Never throws. */
export function readFileValues(file: string, text: string): FileValues {
  const lines = new LineCounter()
  const at = (offset: number): Source => {
    const { line, col } = lines.linePos(offset)
    return { file, line: Math.max(1, line), column: Math.max(1, col) }
  }
  if (text.length > FILE_BYTES_MAX)
    return none(at(0), `it is larger than ${FILE_BYTES_MAX} bytes: is it a configuration?`)
  const document: Document.Parsed = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
    uniqueKeys: true,
  })
  const broken = [...document.errors, ...document.warnings]
  if (broken.length > 0)
    return {
      values: new Map(),
      problems: broken.map(({ message, pos }) => ({ source: at(pos[0]), message: lowerFirst(message) })),
    }
  const reading = new Reading(at)
  if (document.contents !== null) reading.section('', document.contents)
  return reading
}

class Reading implements FileValues {
  readonly values = new Map<string, RawValue>()
  readonly problems: Problem[] = []
  readonly #at: (offset: number) => Source

  constructor(at: (offset: number) => Source) {
    this.#at = at
  }

  /** `prefix` ends in a dot, or is empty for the whole file. */
  section(prefix: string, node: ParsedNode): void {
    // A section without anything in it, or a file of comments.
    if (isScalar(node) && node.value === null) return
    if (!isMap(node)) {
      const what = prefix === '' ? 'the file' : prefix.slice(0, -1)
      this.#wrong(node, `${what} takes settings by their names, one a line`)
      return
    }
    for (const { key, value } of node.items) {
      const name = `${prefix}${isScalar(key) ? String(key.value) : ''}`
      if (NAMES.includes(name)) this.#setting(name, key, value)
      else if (SECTIONS.includes(name)) {
        if (value !== null) this.section(`${name}.`, value)
      } else this.#wrong(key, unknownSetting(name))
    }
  }

  #setting(name: string, key: Node, node: unknown): void {
    if (isAlias(node)) {
      this.#wrong(key, `${name} is an alias: write the value out`)
      return
    }
    const value = isScalar(node) ? node.value : isSeq(node) ? node.toJSON() : isMap(node) ? {} : null
    // Named and left empty: as if it were not there.
    if (value === null) return
    const place = isScalar(node) || isSeq(node) || isMap(node) ? (node.range?.[0] ?? 0) : 0
    this.values.set(name, { source: this.#at(place), value })
  }

  #wrong(node: Node | null, message: string): void {
    this.problems.push({ source: this.#at(node?.range?.[0] ?? 0), message })
  }
}

function none(source: Source, message: string): FileValues {
  return { values: new Map(), problems: [{ source, message }] }
}

/** Names the nearest setting, and for a secret the one that takes a file. */
export function unknownSetting(name: string): string {
  const byFile = NAMES.find((known) => known.toLowerCase() === `${name}file`.toLowerCase())
  if (byFile !== undefined)
    return `there is no ${name}: a secret is never in here, ${byFile} names the file with it`
  const near = [...NAMES, ...SECTIONS]
    .map((known) => ({ known, far: distance(name.toLowerCase(), known.toLowerCase()) }))
    .filter(({ known, far }) => far <= Math.max(2, known.length / 4))
    .sort((a, b) => a.far - b.far)[0]
  return near === undefined
    ? `there is no setting ${name}`
    : `there is no setting ${name}: is ${near.known} meant?`
}

/** Levenshtein: how many characters to add, take away or change. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const change = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
