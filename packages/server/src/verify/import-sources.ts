import type { Environment } from '@keystead/protocol/api-key'
import { jsonPart, jsonValues, type Part, type Parts } from '../compact/part.ts'
import type { ImportSource } from '../storage/records.ts'

const PART = 'import-sources'
export const IMPORT_SOURCES_LAYOUT = PART

/** How foreign texts are read in each environment. Few; a source never changes. */
export class ImportSources {
  readonly #byId = new Map<string, ImportSource>()
  readonly #byPlace = new Map<string, readonly ImportSource[]>()

  constructor(sources: readonly ImportSource[] = []) {
    for (const source of sources) this.add(source)
  }

  static restore(parts: Parts): ImportSources {
    return new ImportSources(jsonValues(parts, PART) as ImportSource[])
  }

  add(source: ImportSource): void {
    this.#byId.set(source.id, source)
    this.#arrange(source)
  }

  /** Forgets those of these that are import sources. */
  forget(ids: ReadonlySet<string>): void {
    for (const id of ids) {
      const source = this.#byId.get(id)
      if (source === undefined) continue
      this.#byId.delete(id)
      this.#arrange(source)
    }
  }

  of(projectId: string, environment: Environment): readonly ImportSource[] {
    return this.#byPlace.get(`${projectId} ${environment}`) ?? NONE
  }

  capture(): Part {
    return jsonPart(PART, [...this.#byId.values()])
  }

  #arrange({ projectId, environment }: ImportSource): void {
    const ofPlace = [...this.#byId.values()].filter(
      (each) => each.projectId === projectId && each.environment === environment,
    )
    this.#byPlace.set(`${projectId} ${environment}`, ofPlace)
  }
}

const NONE: readonly ImportSource[] = []
