import type { Domain } from '../domain.ts'
import type { ProjectEnvironment } from '../storage/records.ts'

const ENVIRONMENTS_PER_READ = 100

/** Every environment of every project, a page at a time. */
export async function* everyEnvironment(domain: Domain): AsyncGenerator<ProjectEnvironment> {
  for (let cursor: string | null = null; ;) {
    const page: { items: readonly ProjectEnvironment[]; nextCursor: string | null } =
      await domain.store.reader.allEnvironments({ limit: ENVIRONMENTS_PER_READ, cursor })
    yield* page.items
    if (page.nextCursor === null) return
    cursor = page.nextCursor
  }
}
