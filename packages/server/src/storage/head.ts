import { base64Decode, base64Encode } from '@keystead/protocol/bytes'
import { equalInConstantTime } from '@keystead/protocol/constant-time'
import type { Kysely } from 'kysely'
import { StartError } from '../errors.ts'
import type { Statements } from './statements.ts'
import type { Integrity } from './store.ts'
import type { Tables } from './tables.ts'

/** The log as the last commit left it. */
export interface Head {
  readonly size: number
  readonly root: Uint8Array
}

/** The sealed head of the log; size 0 and null where nothing was ever committed. StartError when its MAC does not hold. */
export async function readHead(db: Kysely<Tables>, headMac: Integrity['headMac']): Promise<Head | null> {
  const row = await db.selectFrom('audit_head').select(['size', 'root', 'mac']).executeTakeFirst()
  return row === undefined ? null : openHead(row, headMac)
}

/** The head as it is stored, with its MAC. */
export interface SealedHead {
  readonly size: number
  /** base64. */
  readonly root: string
  readonly mac: string
}

/** StartError when the MAC does not hold. */
export function openHead(row: SealedHead, headMac: Integrity['headMac']): Head {
  const root = base64Decode(row.root)
  if (root === null || !equalInConstantTime(headMac(headText(row.size, row.root)), row.mac))
    throw new StartError(changedOutside('the sealed head of the log was changed'))
  return { size: row.size, root }
}

export function sealHead({ size, root }: Head, headMac: Integrity['headMac']): SealedHead {
  const text = base64Encode(root)
  return { size, root: text, mac: headMac(headText(size, text)) }
}

/** Replaces the head by the one of this commit. */
export async function saveHead(
  statements: Statements,
  head: Head,
  headMac: Integrity['headMac'],
): Promise<void> {
  const row = sealHead(head, headMac)
  const { size, root, mac } = row
  const build = (db: Kysely<Tables>) =>
    db
      .insertInto('audit_head')
      .values({ id: 1, ...row })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
  await statements.run('head', build, [1, size, root, mac, size, root, mac])
}

/** One line for an operator whose database was changed by somebody else. */
export function changedOutside(what: string): string {
  return `The database was changed outside Keystead: ${what}. See docs/operate/troubleshooting.md. Nothing was changed.`
}

function headText(size: number, root: string): string {
  return JSON.stringify(['audit_head', size, root])
}
