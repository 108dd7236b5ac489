// Several server processes on one database, without HTTP, in one test process: each has a store and memory of its own.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { decide, type Decision } from '@keystead/protocol/decision'
import { openEpoch } from '../../audit/epoch.ts'
import { CheckpointPublisher } from '../../audit/publish.ts'
import { initialize } from '../../bootstrap.ts'
import type { Domain } from '../../domain.ts'
import { hashText } from '../../hash.ts'
import { newId, type ProjectId } from '../../ids.ts'
import { jsonLog } from '../../log.ts'
import { systemRandom } from '../../random.ts'
import { resumeFrom, SnapshotKeeper } from '../../snapshot/keeper.ts'
import { KeyIndex } from '../../verify/index.ts'
import {
  closeOnce,
  FakeClock,
  firstProject,
  type Scope,
  START,
  testIntegrity,
  testKeyring,
} from '../../world.test-support.ts'
import type { RefusedRow, Store } from '../store.ts'
import { openPostgres } from './open.ts'
import { openPostgresStore } from './store.ts'

export interface Node {
  readonly store: Store
  readonly domain: Domain
  readonly projectId: ProjectId
  readonly index: KeyIndex
  readonly clock: FakeClock
  readonly refused: readonly RefusedRow[]
  readonly logLines: readonly string[]
  readonly keeper: SnapshotKeeper
  /** Opens its publisher of checkpoints. */
  publisher(): Promise<CheckpointPublisher>
  /** The decision on a key text, in whatever project and environment it belongs to. */
  ask(text: string): Decision
}

/**
 * Starts one more process on the database; makes the installation if there is none. It stops after the test. `known`:
 * the first project, where its row cannot be counted on; `dataDir`: goes on from the snapshot there, if there is one.
 */
export async function openNode(
  t: Scope,
  url: string,
  folder: string,
  { known, dataDir }: { readonly known?: ProjectId; readonly dataDir?: string } = {},
): Promise<Node> {
  const clock = new FakeClock()
  const index = new KeyIndex()
  const logLines: string[] = []
  const log = jsonLog((line) => logLines.push(line), clock.read)
  const keyring = testKeyring()
  const holder = newId('boot', () => START, systemRandom)
  const store = await openPostgresStore({
    database: await openPostgres(url),
    integrity: testIntegrity(clock.read),
    clock: clock.read,
    holder,
    onLoaded: (changes) => index.add(changes),
    resume: dataDir === undefined ? null : resumeFrom(dataDir, keyring, index, log),
  })
  index.follow(store)
  t.after(() => closeOnce(store))
  const refused: RefusedRow[] = []
  store.onRefused((row) => refused.push(row))
  const domain: Domain = { store, clock: clock.read, random: systemRandom, cipher: keyring, brand: 'ks' }
  if (store.head().size === 0) await initialize(domain)
  const projectId = known ?? (await firstProject(store))
  return {
    ...{ store, domain, index, clock, refused, logLines, projectId },
    keeper: new SnapshotKeeper({ dataDir: dataDir ?? folder, keyring, store, index, log }),
    async publisher() {
      mkdirSync(join(folder, holder))
      const guardFile = join(folder, holder, 'checkpoint.guard')
      const publicKey = keyring.checkpointPublicKey
      const origin = await openEpoch({ store, guardFile, publicKey, acceptRollback: false })
      return CheckpointPublisher.open({ store, keyring, origin, guardFile, log })
    },
    ask: (text) =>
      decide(
        {
          ...{ text, kind: 'key', projectId: null, environment: null, permission: null, address: null },
          now: clock.now,
        },
        (locator) => index.lookup(locator),
        hashText,
      ),
  }
}

/** Resolves when it holds; a test that waits for what never comes ends at its own timeout. */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((turn) => setTimeout(turn, 5))
}
