/** Where a value comes from: a variable, or a place in a file. Lines and columns count from 1. */
export type Source =
  | { readonly variable: string }
  | { readonly file: string; readonly line: number; readonly column: number }

/** One thing that is wrong, in one line that names where. */
export interface Problem {
  readonly source: Source
  readonly message: string
}

export function describeSource(source: Source): string {
  return 'variable' in source ? source.variable : `${source.file}:${source.line}:${source.column}`
}

export function describeProblem({ source, message }: Problem): string {
  return 'variable' in source ? `${source.variable} ${message}` : `${describeSource(source)}: ${message}`
}
