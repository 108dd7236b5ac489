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
  if (row === undefined) return null
  const root = base64Decode(row.root)
  if (root === null || !equalInConstantTime(headMac(headText(row.size, row.root)), row.mac))
    throw new StartError(changedOutside('the sealed head of the log was changed'))
  return { size: row.size, root }
}

/** Replaces the head by the one of this commit. */
export async function saveHead(
  statements: Statements,
  { size, root }: Head,
  headMac: Integrity['headMac'],
): Promise<void> {
  const text = base64Encode(root)
  const mac = headMac(headText(size, text))
  const row = { size, root: text, mac }
  const build = (db: Kysely<Tables>) =>
    db
      .insertInto('audit_head')
      .values({ id: 1, ...row })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
  await statements.run('head', build, [1, size, text, mac, size, text, mac])
}

/** One line for an operator whose database was changed by somebody else. */
export function changedOutside(what: string): string {
  return `The database was changed outside Keystead: ${what}. See docs/operate/troubleshooting.md. Nothing was changed.`
}

function headText(size: number, root: string): string {
  return JSON.stringify(['audit_head', size, root])
}
