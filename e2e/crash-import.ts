import { hash } from 'node:crypto'
import type { Change } from './crash-change.ts'
import type { Entry } from './crash-ledger.ts'
import { observe } from './crash-objects.ts'

const KEYS_MAX = 3
/** With an owner each, more than a leaf can name itself: it gets a batch. */
const KEYS_OF_BATCH = 40
const BATCH_SHARE = 0.05
/** All of a client's projects together: an environment takes 8, and those of cut off requests are there as well. */
const SOURCES_MAX = 6
const ENVIRONMENTS = ['production', 'staging', 'development'] as const
const FOREIGN = 'foreign-'

/** Whether a text is of a key that was imported: its holder cannot act with it alone. */
export function isForeign(text: string): boolean {
  return text.startsWith(FOREIGN)
}

/** What brings keys of other systems in, and what hands keys out. */
export const IMPORT_CHANGES: Readonly<Record<string, Change>> = {
  'import-sources.create': ({ one, some, newName, dice }) => {
    const project = one('project')
    if (project === null || some('import_source', SOURCES_MAX, () => true).length === SOURCES_MAX) return null
    const environment = ENVIRONMENTS[Math.floor(dice() * ENVIRONMENTS.length)]
    return {
      body: { projectId: project.id, environment, name: newName(), algorithm: 'sha512' },
      take: (answer) => [
        {
          ...{ type: 'import_source', id: answer.id, parameters: { sourceId: answer.id } },
          acknowledged: observe('import_source', answer),
          ...{ pending: null, secrets: {}, taken: [] },
        },
      ],
    }
  },
  'keys.import': ({ sourceId, newName, dice }) => {
    const count = dice() < BATCH_SHARE ? KEYS_OF_BATCH : 1 + Math.floor(dice() * KEYS_MAX)
    const texts = Array.from({ length: count }, () => `${FOREIGN}${newName()}`)
    const items = texts.map((text) => ({
      hash: hash('sha256', text),
      ...{ ownerExternalId: text, name: text, permissions: ['market:read'] },
    }))
    return {
      body: { sourceId, createOwners: true, items },
      take: (answer) => answer.items.map(({ keyId }, i) => importedKey(keyId, texts[i] ?? '')),
    }
  },
  'keys.export': ({ projectId }) => ({
    body: { projectId, environment: 'production', limit: 2, withHashes: true },
  }),
}

function importedKey(id: string, text: string): Entry {
  return {
    ...{ type: 'api_key', id, parameters: { keyId: id } },
    acknowledged: {
      ...{ version: 1, state: 'active', name: text, permissions: 'market:read', roles: '', addresses: '' },
      ...{ expiresAt: 0, destroys: 'no', newest: 1, open: 1, accepted: '1' },
    },
    ...{ pending: null, secrets: { 1: text }, taken: [] },
  }
}
