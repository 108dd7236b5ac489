import { destroyKey } from '../keys/destroy.ts'
import type { Job } from './job.ts'

const KEYS_PER_PIECE = 100

/** Destroys the keys whose destruction is due. */
export const destructionJob: Job = {
  name: 'destruction',
  async run({ domain }) {
    const due = await domain.store.reader.keysToDestroy(domain.clock(), KEYS_PER_PIECE)
    for (const { id } of due) await destroyKey(domain, id)
    return due.length === KEYS_PER_PIECE
  },
}
