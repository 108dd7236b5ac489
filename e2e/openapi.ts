import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './program.ts'

export interface MutatingOperation {
  readonly id: string
  readonly method: string
  /** With `{name}` for each parameter. */
  readonly path: string
}

interface Document {
  readonly paths: Readonly<
    Record<
      string,
      Readonly<Record<string, { readonly operationId: string; readonly 'x-keystead-audit': string | null }>>
    >
  >
}

/** Every operation of the committed OpenAPI document that changes something and so has an audit event. */
export function mutatingOperations(): ReadonlyMap<string, MutatingOperation> {
  const text = readFileSync(join(ROOT, 'docs/reference/openapi.json'), 'utf8')
  const { paths } = JSON.parse(text) as Document
  const operations = new Map<string, MutatingOperation>()
  for (const [path, methods] of Object.entries(paths))
    for (const [method, { operationId: id, 'x-keystead-audit': audit }] of Object.entries(methods))
      if (audit !== null) operations.set(id, { id, method: method.toUpperCase(), path })
  return operations
}
