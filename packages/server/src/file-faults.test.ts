// Each call of the file system fails once, in everything that a server does with files.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openEpoch } from './audit/epoch.ts'
import { requireUnguarded } from './audit/guard.ts'
import { handOver } from './bootstrap-key.ts'
import { prepareFolders } from './data-folder.ts'
import { DomainError } from './errors.ts'
import { withFailingFiles } from './failing-files.test-support.ts'
import { Fault } from './fault.test-support.ts'
import { anOwner } from './keys/keys.test-support.ts'
import { type FileSealOptions, openFileSeal } from './keystore/file.ts'
import { systemRandom } from './random.ts'
import { Secret } from './secret.ts'
import { explainStart } from './start-failure.ts'
import { closeOnce, openWorld, temporaryFolder, testKeyring } from './world.test-support.ts'

/** More calls than anything here makes. */
const CALLS_MAX = 100

const ERRORS = ['ENOSPC: no space left on device', 'EIO: i/o error'].map((message) => (): Error => {
  const [code] = message.split(':')
  return Object.assign(new Error(`${message}, call`), { code, syscall: 'call', errno: -1 })
})

/** One that failed, with what it threw; or that passed all the same. */
type Outcome = { readonly error: unknown } | { readonly passed: true }

/** Lets `work` fail at its first call, its second, and so on, until it passes; `look` sees what each has left. */
async function failEach(
  work: () => unknown,
  look: (outcome: Outcome) => unknown,
  before: () => unknown = () => undefined,
): Promise<void> {
  for (const error of ERRORS) {
    for (let after = 0; ; after++) {
      assert.ok(after < CALLS_MAX)
      await before()
      const fault = new Fault()
      fault.arm(after, error)
      const run = async (): Promise<Outcome> => {
        try {
          await work()
          return { passed: true }
        } catch (thrown) {
          return { error: thrown }
        }
      }
      const outcome = await withFailingFiles(fault, run)
      if (!fault.fired) {
        assert.deepEqual(outcome, { passed: true })
        assert.ok(after > 0, 'it makes no call')
        break
      }
      await look(outcome)
    }
  }
}

/** It failed, and an operator is told why in one line. */
function assertExplained(outcome: Outcome): void {
  assert.ok('error' in outcome, 'it went on')
  const explanation = explainStart(outcome.error)
  assert.ok(explanation !== null, String((outcome.error as Error).stack))
  assert.ok(!explanation.includes('\n'))
}

async function rootKey(options: FileSealOptions, create: boolean): Promise<string> {
  const seal = await openFileSeal(options, create)
  using root = await seal.unseal()
  return Buffer.from(root.reveal()).toString('hex')
}

test('a first start that could not make its keystore is explained, and the next one makes it, for good', async (t) => {
  let options: FileSealOptions
  await failEach(
    async () => rootKey(options, true),
    async (outcome) => {
      assertExplained(outcome)
      const first = await rootKey(options, true)
      assert.equal(await rootKey(options, false), first)
    },
    () => {
      options = { dataDir: temporaryFolder(t), passphraseFile: null, random: systemRandom }
    },
  )
})

test('a keystore that cannot be read is explained, and never replaced', async (t) => {
  const options = { dataDir: temporaryFolder(t), passphraseFile: null, random: systemRandom }
  const first = await rootKey(options, true)
  for (const create of [false, true])
    await failEach(
      async () => rootKey(options, create),
      async (outcome) => {
        if ('error' in outcome) assertExplained(outcome)
        assert.equal(await rootKey(options, false), first)
      },
    )
})

test('folders that cannot be made are explained', async (t) => {
  await failEach(() => {
    const dataDir = join(temporaryFolder(t), 'data')
    prepareFolders({ dataDir, guardFile: join(dataDir, 'guard', 'checkpoint.guard') } as never)
  }, assertExplained)
})

test('a bootstrap key is handed over whole or not at all', async (t) => {
  const dataDir = temporaryFolder(t)
  const path = join(dataDir, 'bootstrap-key')
  const hand = (text: string): void => handOver(new Secret(text), dataDir, { write: () => undefined })
  hand('earlier')
  await failEach(
    () => hand('later'),
    (outcome) => {
      assertExplained(outcome)
      assert.match(readFileSync(path, 'utf8'), /^(earlier|later)\n$/)
      hand('earlier')
    },
  )
})

test('a checkpoint that cannot be guarded is signed later, and nothing is halted', async (t) => {
  const world = await openWorld(t)
  await failEach(
    async () => world.publisher.publish(),
    async (outcome) => {
      assert.ok('error' in outcome && outcome.error instanceof DomainError, JSON.stringify(outcome))
      assert.equal(outcome.error.code, 'storage.unavailable')
      assert.equal(world.store.halted(), null)
      await anOwner(world)
      const published = await world.publisher.publish()
      assert.equal(published?.size, world.store.head().size)
      assert.equal(readFileSync(join(world.folder, 'checkpoint.guard'), 'utf8'), published.note)
    },
    async () => anOwner(world),
  )
})

test('a guard file that cannot be read stops the start: it is never taken for one that is not there (T-07)', async (t) => {
  const { store, folder } = await openWorld(t)
  const guardFile = join(folder, 'checkpoint.guard')
  const publicKey = testKeyring().checkpointPublicKey
  await failEach(
    async () => openEpoch({ store, guardFile, publicKey, acceptRollback: false }),
    assertExplained,
  )
  const absent = join(folder, 'absent')
  await failEach(() => requireUnguarded(absent), assertExplained)
})

test('a snapshot that cannot be written costs nothing, and the next one is', async (t) => {
  const world = await openWorld(t)
  await failEach(
    async () => world.keeper.save(),
    async (outcome) => {
      assert.deepEqual(outcome, { passed: true })
      await world.keeper.save()
      assert.match(world.logLines.at(-1) ?? '', /snapshot\.written/)
    },
    async () => anOwner(world),
  )
})

test('a start that fails at a file is explained and leaves everything for the next; a snapshot never stops one', async (t) => {
  let world = await openWorld(t)
  const owner = await anOwner(world)
  await world.keeper.save()
  await closeOnce(world.store)
  const { folder, clock } = world
  await failEach(
    async () => {
      world = await openWorld(t, { folder, clock })
    },
    async (outcome) => {
      if ('error' in outcome) {
        assertExplained(outcome)
        world = await openWorld(t, { folder, clock })
      }
      assert.equal((await world.store.reader.owner(owner.id))?.version, 1)
      await anOwner(world)
    },
    async () => closeOnce(world.store),
  )
  assert.ok(existsSync(join(folder, 'index.snapshot')))
})
