import { base64Encode } from '@keystead/protocol/bytes'
import type { Checkpoint } from '@keystead/protocol/checkpoint'
import { SERVER } from '../access/authorize.ts'
import { StartError } from '../errors.ts'
import type { Installation } from '../storage/records.ts'
import type { Store } from '../storage/store.ts'
import { differenceFromGuard, readGuard } from './guard.ts'

/**
 * The log's name (C2SP tlog-checkpoint, origin). A log never signs two histories under one name, so each epoch that an
 * operator starts has its own: auditors see the seam, and must be given the new verifier key.
 */
function originOf({ id, epoch }: Installation): string {
  return epoch === 1 ? `keystead/${id}` : `keystead/${id}/${epoch}`
}

export interface Guarded {
  readonly store: Store
  readonly guardFile: string
  /** The log's public key, 32 bytes. */
  readonly publicKey: Uint8Array
  /** The operator says that the database was put back on purpose. */
  readonly acceptRollback: boolean
}

/**
 * The origin under which the log goes on. StartError when the database is behind the guard file or is another one: an
 * old copy was put back (T-07). If the operator has accepted that, a new epoch begins, named in the log together with
 * what the guard held; StartError when there is nothing to accept, so that nobody does it by habit.
 */
export async function openEpoch({ store, guardFile, publicKey, acceptRollback }: Guarded): Promise<string> {
  const installation = await store.reader.installation()
  if (installation === null) {
    throw new StartError(
      'The database has a log but no installation: it was changed. See docs/operate/troubleshooting.md.',
    )
  }
  const guard = readGuard(guardFile, publicKey)
  const difference = guard === null ? null : await rollback(guard, installation, store)
  if (guard !== null && difference !== null && acceptRollback) {
    return originOf(await startEpoch(store, installation, guard))
  }
  if (guard !== null && difference !== null) {
    throw new StartError(
      `The database is ${difference} the last checkpoint that was signed (${guardFile}, size ${guard.size}): an old copy was put back. If you did that on purpose, see docs/operate/backup.md; if not, docs/operate/troubleshooting.md. Nothing was changed.`,
    )
  }
  if (acceptRollback) {
    throw new StartError(
      'There is no rollback to accept: the database is the one that was signed last. Start without --new-epoch. Nothing was changed.',
    )
  }
  return originOf(installation)
}

/** A guard of an earlier epoch is what the present one was started against; one of a later epoch is ahead in any case. */
async function rollback(guard: Checkpoint, installation: Installation, store: Store): Promise<string | null> {
  const epoch = epochOf(guard.origin, installation)
  if (epoch < installation.epoch) return null
  return epoch > installation.epoch ? 'behind' : differenceFromGuard(guard, store)
}

function epochOf(origin: string, installation: Installation): number {
  const first = originOf({ ...installation, epoch: 1 })
  if (origin === first) return 1
  const number = origin.startsWith(`${first}/`) ? Number(origin.slice(first.length + 1)) : Number.NaN
  if (Number.isSafeInteger(number) && number > 1) return number
  throw new StartError(
    `The guard file is of another log (${origin}): database and guard file belong together. Nothing was changed.`,
  )
}

async function startEpoch(
  store: Store,
  installation: Installation,
  guard: Checkpoint,
): Promise<Installation> {
  const { size } = store.head()
  const epoch = Math.max(installation.epoch, epochOf(guard.origin, installation)) + 1
  const { value } = await store.transact(SERVER, async (tx) => {
    const next = { ...installation, version: installation.version + 1, epoch }
    await tx.saveInstallation(installation, next)
    tx.record({
      action: 'log.epoch_started',
      projectId: null,
      environment: null,
      details: {
        epoch,
        size,
        signedOrigin: guard.origin,
        signedSize: guard.size,
        signedRoot: base64Encode(guard.root),
      },
    })
    return next
  })
  return value
}
