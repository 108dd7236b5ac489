import assert from 'node:assert/strict'
import { event, newOwner, newProject, PROVENANCE, saveProject } from './contract.test-support.ts'
import type { Owner } from './records.ts'
import type { Store } from './store.ts'

/** The guarantee of Store.snapshot. */
export async function readsOneMoment({ store }: { readonly store: Store }): Promise<void> {
  const project = newProject()
  await saveProject(store, project)
  const owners = [newOwner(project), newOwner(project)].toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const save = async (previous: Owner | null, next: Owner): Promise<unknown> =>
    store.transact(PROVENANCE, async (tx) => {
      await tx.saveOwner(previous, next)
      tx.record(event('owner.updated'))
    })
  for (const owner of owners) await save(null, owner)
  const head = store.head()
  const snapshot = await store.snapshot()
  const first = await snapshot.rows(null, 2)
  await save(null, newOwner(project))
  for (const owner of owners) await save(owner, { ...owner, version: 2, name: 'changed' })
  const rest = await snapshot.rows(first.next, 10)
  assert.deepEqual(snapshot.head, head)
  assert.equal(rest.next, null)
  const seen = [...first.lines, ...rest.lines].map(({ type, id, version, state, text }) => ({
    ...{ type, id, version, state, name: /"name":"(.*?)"/.exec(text)?.[1] },
  }))
  const same = { version: 1, state: 'active' }
  assert.deepEqual(seen, [
    { type: 'project', id: project.id, ...same, name: project.name },
    ...owners.map(({ id, name }) => ({ type: 'owner', id, ...same, name })),
  ])
  await snapshot.close()
}
