import type { Output } from './world.ts'

export interface Column<Row> {
  readonly title: string
  readonly cell: (row: Row) => string
  /** May be left out on a narrow terminal; the last such column goes first. */
  readonly optional?: boolean
  /** May be shortened with an ellipsis on a narrow terminal. Identifiers never are. */
  readonly shrink?: boolean
}

const GAP = '  '
// Below this a shortened name says nothing.
const SHRUNK_WIDTH_MIN = 8

/**
 * Lines of aligned columns. On a terminal the title is bold and the table is made to fit its width where its
 * columns allow it; elsewhere nothing is styled, dropped or shortened.
 */
export function renderTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  output: Output,
): string {
  const cells = columns.map((column) => ({
    column,
    texts: [column.title, ...rows.map((row) => printable(column.cell(row)) || '-')],
    width: 0,
  }))
  for (const entry of cells) entry.width = Math.max(...widths(entry.texts))
  const shown = output.isTerminal ? fit(cells, output.columns) : cells
  const lines = Array.from({ length: rows.length + 1 }, (_, index) =>
    shown
      .map((entry) => pad(shorten(entry.texts[index] ?? '', entry.width), entry.width))
      .join(GAP)
      .trimEnd(),
  )
  if (output.isTerminal) lines[0] = `\u001b[1m${lines[0] ?? ''}\u001b[22m`
  return lines.join('\n')
}

/** `label  value` lines, labels aligned; null values are left out. */
export function renderFields(fields: readonly (readonly [string, string | null])[]): string {
  const present = fields.filter((field): field is readonly [string, string] => field[1] !== null)
  const width = Math.max(0, ...present.map(([label]) => label.length))
  return present.map(([label, value]) => `${pad(label, width)}${GAP}${printable(value) || '-'}`).join('\n')
}

/**
 * Text from elsewhere made safe for a terminal: control characters, line and paragraph separators and bidirectional
 * overrides are shown as escapes, so that a name cannot move the cursor or reorder a line.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, escapeCharacter)
}

/** As `printable`, for text of several lines whose line feeds are kept. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n')
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

interface Cells {
  readonly column: { readonly optional?: boolean; readonly shrink?: boolean }
  readonly texts: readonly string[]
  width: number
}

function fit<C extends Cells>(cells: readonly C[], columnsMax: number): readonly C[] {
  const total = (list: readonly C[]) =>
    list.reduce((sum, entry) => sum + entry.width + GAP.length, -GAP.length)
  let shown = cells
  for (const entry of shown.filter(({ column }) => column.shrink === true)) {
    const excess = total(shown) - columnsMax
    if (excess > 0) entry.width = Math.max(Math.min(entry.width, SHRUNK_WIDTH_MIN), entry.width - excess)
  }
  while (total(shown) > columnsMax) {
    const last = shown.findLast(({ column }) => column.optional === true)
    if (last === undefined) break
    shown = shown.filter((entry) => entry !== last)
  }
  return shown
}

function widths(texts: readonly string[]): number[] {
  return texts.map((text) => Array.from(text).length)
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - Array.from(text).length))
}

function shorten(text: string, width: number): string {
  const characters = Array.from(text)
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join('')}…`
}
