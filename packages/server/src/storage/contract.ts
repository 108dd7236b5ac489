/** What every adapter of the store must do. An adapter's test calls storeContract with a way to open and to break it. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { KeyUse } from './records.ts'
import type { Store } from './store.ts'
import { closeOnce } from '../world.test-support.ts'
import { auditLog } from './contract-audit.test-support.ts'
import { useRecords } from './use-contract.ts'
import {
  code,
  event,
  newBulkChunk,
  newBulkOperation,
  newEmitter,
  newKey,
  newOwner,
  newProject,
  PROVENANCE,
  saveProject,
  saveSegment,
} from './contract.test-support.ts'

/** A store over an empty database, and the faults that a test may inject into it. */
export interface Opened {
  readonly store: Store
  /** Makes each COMMIT that carries an audit event fail, until the result is called. */
  breakCommits(): (() => void) | Promise<() => Promise<void>>
}

/**
 * Runs the contract's tests. `open` gives a fresh store each time and closes it after the test; null when it has skipped
 * the test, because what it needs is not here.
 */
export function storeContract(name: string, open: (t: TestContext) => Promise<Opened | null>): void {
  const guarantee = (what: string, run: (opened: Opened) => Promise<void>): void => {
    void test(`${name}: ${what}`, async (t) => {
      const opened = await open(t)
      if (opened !== null) await run(opened)
    })
  }
  transactions(guarantee)
  doneRequests(guarantee)
  objects(guarantee)
  misuse(guarantee)
  groupCommit(guarantee)
  faults(guarantee)
  useRecords(guarantee)
  auditLog(guarantee)
}

export type Guarantee = (what: string, run: (opened: Opened) => Promise<void>) => void

function doneRequests(guarantee: Guarantee): void {
  const mark = { id: 'a', content: 'b', at: 1_000 }
  const saved = async (store: Store, marked: { id: string; content: string; at: number }) => {
    const project = newProject()
    return store.transact({ ...PROVENANCE, mark: marked }, async (tx) => {
      await tx.saveProject(project)
      tx.record(event('project.created'))
      return project.id
    })
  }

  guarantee(
    'a change is known by the mark of its request, and what changes nothing has none',
    async ({ store }) => {
      const { value } = await saved(store, mark)
      assert.deepEqual(await store.reader.doneRequest('a'), {
        ...mark,
        targets: [{ type: 'project', id: value }],
      })
      await store.transact({ ...PROVENANCE, mark: { ...mark, id: 'c' } }, async (tx) => tx.project(value))
      assert.equal(await store.reader.doneRequest('c'), null)
    },
  )

  guarantee('of changes with one mark at once exactly one is made', async ({ store }) => {
    const results = await Promise.allSettled([
      saved(store, { ...mark, id: 'other' }),
      ...Array.from({ length: 5 }, async () => saved(store, mark)),
    ])
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 2)
    for (const result of results) if (result.status === 'rejected') code('request.in_progress')(result.reason)
    assert.equal(store.head().size, 2)
  })

  guarantee('a mark is free again after a day, and is forgotten then', async ({ store }) => {
    await saved(store, mark)
    await assert.rejects(saved(store, { ...mark, at: mark.at + 86_399_999 }))
    const later = { ...mark, at: mark.at + 86_400_000 }
    await saved(store, later)
    assert.equal((await store.reader.doneRequest('a'))?.at, later.at)
    assert.equal(await store.forgetDoneRequests(later.at, 10), 0)
    assert.equal(await store.forgetDoneRequests(later.at + 1, 10), 1)
    assert.equal(await store.reader.doneRequest('a'), null)
  })
}

function transactions(guarantee: Guarantee): void {
  guarantee('a change and its audit event are there together', async ({ store }) => {
    const project = newProject()
    const { position } = await saveProject(store, project)
    assert.equal(position, 0)
    assert.deepEqual(await store.reader.project(project.id), project)
    assert.equal((await store.reader.auditEntries(0, 10)).length, 1)
    assert.deepEqual(
      await store.reader.auditPositions({ targetId: project.id, action: 'project.created' }, -1, 10),
      [0],
    )
  })

  guarantee('work that throws leaves nothing, and consumes no position', async ({ store }) => {
    const project = newProject()
    const failure = new Error('no')
    const failed = store.transact(PROVENANCE, async (tx) => {
      await tx.saveProject(project)
      tx.record(event('project.created'))
      throw failure
    })
    await assert.rejects(failed, failure)
    assert.equal(await store.reader.project(project.id), null)
    assert.equal(store.head().size, 0)
    assert.equal((await saveProject(store, newProject())).position, 0)
  })

  guarantee('work that only reads needs no event and gets no position', async ({ store }) => {
    const { value, position } = await store.transact(PROVENANCE, async (tx) => tx.project('none'))
    assert.deepEqual([value, position], [null, null])
    assert.equal(store.head().size, 0)
  })

  guarantee('reads inside see what was written before, at once', async ({ store }) => {
    const project = newProject()
    await store.transact(PROVENANCE, async (tx) => {
      await tx.saveProject(project)
      tx.record(event('project.created'))
      const owner = newOwner(project)
      await tx.saveOwner(null, owner)
      assert.deepEqual(await tx.project(project.id), project)
      assert.deepEqual(await tx.ownerByExternalId(project.id, owner.externalId), owner)
      assert.equal(await tx.ownerByExternalId(project.id, 'another'), null)
    })
    assert.deepEqual(await store.reader.project(project.id), project)
  })
}

function objects(guarantee: Guarantee): void {
  guarantee('an object comes back as it was saved, change after change', async ({ store }) => {
    const project = newProject()
    const owner = newOwner(project)
    const key = newKey(owner, { notBefore: 5, expiresAt: 6, destroyAt: 7, name: 'Ünï💠 "quoted"' })
    await saveProject(store, project)
    await store.transact(PROVENANCE, async (tx) => {
      await tx.saveOwner(null, owner)
      await tx.saveKey(null, key)
      tx.record(event('key.created'))
    })
    assert.deepEqual(await store.reader.owner(owner.id), owner)
    assert.deepEqual(await store.reader.key(key.id), key)
    const next = {
      ...key,
      version: 2,
      state: 'compromised',
      revokedAt: 7,
      revocationReason: 'keyCompromise',
    } as const
    await store.transact(PROVENANCE, async (tx) => {
      await tx.saveKey(key, next)
      tx.record(event('key.revoked'))
    })
    assert.deepEqual(await store.reader.key(key.id), next)
  })

  guarantee('a bulk operation and its chunks come back as they were saved', async ({ store }) => {
    const project = newProject()
    const operation = newBulkOperation(project)
    const chunk = newBulkChunk(operation)
    await saveProject(store, project)
    await store.transact(PROVENANCE, async (tx) => {
      await tx.saveBulkOperation(null, operation)
      await tx.saveBulkChunk(chunk)
      tx.record(event('bulk_operation.started'))
      assert.deepEqual(await tx.bulkOperation(operation.id), operation)
    })
    assert.deepEqual(await store.reader.bulkOperation(operation.id), operation)
    assert.deepEqual(await store.reader.bulkChunk(operation.id, 1), chunk)
    assert.equal(await store.reader.bulkChunk(operation.id, 2), null)
    assert.deepEqual(await store.reader.dueBulkOperations(operation.undoUntil ?? 0, 1), [operation])
    assert.deepEqual(await store.reader.dueBulkOperations((operation.undoUntil ?? 0) - 1, 1), [])
  })

  guarantee('what an actor did is found by actor and action, up to a size of the log', async ({ store }) => {
    const actor = { type: 'root_key', id: `key_${'0'.repeat(26)}` } as const
    const by = { actor, request: null }
    for (const provenance of [by, PROVENANCE, by, by])
      await store.transact(provenance, async (tx) => {
        await tx.saveProject(newProject())
        tx.record(event('project.created'))
      })
    const find = async (below: number, limit: number) => {
      const range = { from: 0, below }
      const found = await store.reader.auditEntriesBy(actor.id, ['project.created'], range, limit)
      return [found.entries.map(({ position }) => position), found.next]
    }
    assert.deepEqual(await find(4, 10), [[0, 2, 3], null])
    assert.deepEqual(await find(3, 10), [[0, 2], null])
    assert.deepEqual(await find(4, 2), [[0, 2], 3])
    const none = await store.reader.auditEntriesBy(actor.id, ['key.created'], { from: 0, below: 4 }, 10)
    assert.deepEqual(none.entries, [])
  })

  guarantee(
    'listeners hear of a change before whoever made it, in the order of positions',
    async ({ store }) => {
      const heard: string[] = []
      store.onCommitted(({ keys }, size) => heard.push(`${keys.length} keys at ${size}`))
      const project = newProject()
      const saved = saveProject(store, project).then(() => heard.push('done'))
      await saved
      assert.deepEqual(heard, ['0 keys at 1', 'done'])
    },
  )

  guarantee('after close nothing is begun, and what had begun is done', async ({ store }) => {
    const project = newProject()
    const begun = saveProject(store, project)
    const closing = closeOnce(store)
    await assert.rejects(saveProject(store, newProject()), code('server.stopping'))
    assert.equal((await begun).position, 0)
    await closing
  })
}

function misuse(guarantee: Guarantee): void {
  guarantee('a change without an event refuses to commit', async ({ store }) => {
    const project = newProject()
    await assert.rejects(
      store.transact(PROVENANCE, async (tx) => tx.saveProject(project)),
      assert.AssertionError,
    )
    assert.equal(await store.reader.project(project.id), null)
  })

  guarantee('an object is saved once in a transaction', async ({ store }) => {
    const project = newProject()
    const twice = store.transact(PROVENANCE, async (tx) => {
      await tx.saveProject(project)
      await tx.saveProject(project)
      tx.record(event('project.created'))
    })
    await assert.rejects(twice, assert.AssertionError)
    assert.equal(await store.reader.project(project.id), null)
  })

  guarantee('two events in one transaction are refused', async ({ store }) => {
    const twice = store.transact(PROVENANCE, async (tx) => {
      tx.record(event('server.started'))
      tx.record(event('server.started'))
    })
    await assert.rejects(twice, assert.AssertionError)
    assert.equal(store.head().size, 0)
  })

  guarantee('a handle that outlives its transaction can neither read nor write', async ({ store }) => {
    const { value: leaked } = await store.transact(PROVENANCE, async (tx) => ({ tx }))
    await assert.rejects(leaked.tx.saveProject(newProject()), assert.AssertionError)
    await assert.rejects(leaked.tx.project('x'), assert.AssertionError)
    assert.throws(() => leaked.tx.record(event('server.started')), assert.AssertionError)
  })

  guarantee(
    'work that waits for anything else is refused, and can write nothing when it wakes',
    async ({ store }) => {
      const project = newProject()
      let wake = (): void => undefined
      const outside = new Promise<void>((resolve) => {
        wake = resolve
      })
      let afterwards: unknown = null
      let woke = (): void => undefined
      const ended = new Promise<void>((resolve) => {
        woke = resolve
      })
      const waiting = store.transact(PROVENANCE, async (tx) => {
        await outside
        await tx.saveProject(project).catch((error: unknown) => {
          afterwards = error
        })
        woke()
      })
      await assert.rejects(waiting, assert.AssertionError)
      wake()
      await ended
      assert.ok(afterwards instanceof assert.AssertionError, 'the write was refused')
      assert.equal(await store.reader.project(project.id), null)
      assert.equal((await saveProject(store, newProject())).position, 0)
    },
  )

  guarantee('a version that does not follow the stored one is an assertion failure', async ({ store }) => {
    const project = newProject()
    const owner = newOwner(project)
    await saveProject(store, project)
    const save = (previous: typeof owner | null, version: number) =>
      store.transact(PROVENANCE, async (tx) => {
        await tx.saveOwner(previous, { ...owner, version })
        tx.record(event('owner.updated'))
      })
    await assert.rejects(save(null, 2), assert.AssertionError)
    await save(null, 1)
    await assert.rejects(save(owner, 3), assert.AssertionError)
    await save(owner, 2)
    // What was read before somebody else's change is not the stored one any more.
    await assert.rejects(save(owner, 2), assert.AssertionError)
    assert.equal((await store.reader.owner(owner.id))?.version, 2)
  })
}

function groupCommit(guarantee: Guarantee): void {
  guarantee(
    'many transactions at once get positions without a gap, in the order of their leaves',
    async ({ store }) => {
      const projects = Array.from({ length: 300 }, (_, i) => newProject(`p${i}`))
      const answers = await Promise.all(projects.map((project) => saveProject(store, project)))
      const positions = answers.map(({ position }) => position ?? -1)
      assert.deepEqual(
        positions.toSorted((a, b) => a - b),
        [...projects.keys()],
      )
      const entries = await store.reader.auditEntries(0, 1_000)
      assert.equal(entries.length, 300)
      for (const [i, project] of projects.entries())
        assert.ok(Buffer.from(entries[positions[i] ?? -1]?.bytes ?? []).includes(project.id))
    },
  )

  guarantee('one that fails in a batch harms none of the others and leaves no gap', async ({ store }) => {
    const answers = await Promise.allSettled(
      Array.from({ length: 50 }, async (_, i) =>
        store.transact(PROVENANCE, async (tx) => {
          await tx.saveProject(newProject(`p${i}`))
          tx.record(event('project.created'))
          if (i % 7 === 3) throw new Error('no')
        }),
      ),
    )
    const succeeded = answers.filter((answer) => answer.status === 'fulfilled')
    assert.equal(succeeded.length, 43)
    assert.deepEqual(
      succeeded.map(({ value }) => value.position),
      [...succeeded.keys()],
    )
    assert.equal((await store.reader.projects(null, { limit: 100, cursor: null })).items.length, 43)
  })

  guarantee('a change that is made right after another was refused is done', async ({ store }) => {
    for (let i = 0; i < 20; i++) {
      const refused = store.transact(PROVENANCE, async () => Promise.reject(new Error('no')))
      await refused.catch(() => undefined)
      // However many steps after the refusal it comes.
      for (let step = 0; step < i; step++) await Promise.resolve()
      assert.equal((await saveProject(store, newProject())).position, i)
    }
  })

  guarantee('what breaks a rule of the database fails alone', async ({ store }) => {
    const project = newProject()
    const answers = await Promise.allSettled([
      saveProject(store, project),
      saveProject(store, project),
      saveProject(store, newProject()),
    ])
    assert.deepEqual(
      answers.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    assert.equal(store.head().size, 2)
  })
}

function faults(guarantee: Guarantee): void {
  guarantee(
    'a COMMIT that fails fails all of its batch, leaves nothing, and the next one goes on',
    async (opened) => {
      const { store } = opened
      await saveProject(store, newProject())
      const before = store.head()
      let heard = 0
      store.onCommitted(() => {
        heard += 1
      })
      const mend = await opened.breakCommits()
      const projects = Array.from({ length: 20 }, (_, i) => newProject(`p${i}`))
      const answers = await Promise.allSettled(projects.map((project) => saveProject(store, project)))
      for (const answer of answers) {
        assert.equal(answer.status, 'rejected')
        code('storage.unavailable')(answer.reason)
      }
      assert.deepEqual(store.head(), before)
      assert.equal(heard, 0)
      for (const { id } of projects) assert.equal(await store.reader.project(id), null)
      await mend()
      assert.equal((await saveProject(store, newProject())).position, 1)
    },
  )

  guarantee('counts of use add up, and the last time is kept', async ({ store }) => {
    const use = { keyId: 'key_a', versionNumber: 1, code: 'VALID', count: 2, lastAt: 20 }
    const add = async (...uses: readonly KeyUse[]) => {
      await saveSegment(store, newEmitter())
      const rollUp = await store.claimUses(1)
      assert.ok(rollUp)
      assert.equal(await store.addUses(rollUp, { uses, counts: [], isLast: true }), true)
    }
    await add(use, { ...use, code: 'EXPIRED' })
    await add({ ...use, count: 3, lastAt: 10 })
    const uses = await store.reader.uses([newKey(newOwner(newProject())).id, 'key_a' as never])
    assert.deepEqual(
      uses.toSorted((a, b) => a.code.localeCompare(b.code)),
      [
        { ...use, code: 'EXPIRED' },
        { ...use, count: 5 },
      ],
    )
  })
}
