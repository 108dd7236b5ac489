// The tamper matrix: every attack by its number, with all cases of it. What an attacker may do is in the files below.
import { honestViews, splitViews, type ViewCase } from './split-views.test-support.ts'
import { foreignOrigin, type LogCase, tamperedLogs, untouchedLogs } from './tampered-logs.test-support.ts'
import { tamperedStates, untouchedStates } from './tampered-states.test-support.ts'
import { tamperedUses, untouchedUses } from './tampered-uses.test-support.ts'

export type MatrixRow = {
  readonly id: string
  readonly attack: string
  readonly logs: readonly LogCase[]
  readonly views: readonly ViewCase[]
}

const ATTACKS: readonly {
  readonly id: string
  readonly attack: string
  readonly cases: readonly string[]
}[] = [
  { id: 'T1', attack: 'edit the bytes of an entry', cases: ['one byte of an entry changed'] },
  {
    id: 'T2',
    attack: 'delete from the middle',
    cases: ['an entry removed from the middle', 'a version left out'],
  },
  { id: 'T3', attack: 'cut off the end', cases: ['the last entries cut off', 'the last bundle removed'] },
  { id: 'T4', attack: 'reorder', cases: ['two entries exchanged', 'a batch reordered'] },
  {
    id: 'T5',
    attack: 'insert, back-dated',
    cases: ['a back-dated entry put in', 'the same event twice', 'a line added to a batch'],
  },
  {
    id: 'T6',
    attack: 'edit a tile only',
    cases: ['a hash in a tile changed', 'a hash in an upper tile changed', 'an upper tile removed'],
  },
  {
    id: 'T7',
    attack: 'forge an entry and its tile together',
    cases: [
      'an entry and its hash in the tile forged together',
      'an entry and its hash forged where no upper tile covers them',
    ],
  },
  {
    id: 'T8',
    attack: 'edit size or root of the checkpoint',
    cases: [
      'the size in the checkpoint changed',
      'the root in the checkpoint changed',
      'the checkpoint without its signature',
      'a checkpoint that is no text',
    ],
  },
  {
    id: 'T9',
    attack: 'sign a rewritten history, with the real or another key',
    cases: [
      'history before the older checkpoint rewritten',
      'a log rewritten and signed anew by another key',
      'a version that starts above 1',
      'a state that does not continue',
      'an illegal transition',
      'a revoked key brought back',
      'a row that says otherwise than its leaf',
    ],
  },
  {
    id: 'T10',
    attack: 'show two readers two logs',
    cases: [
      'a split view of one size',
      'a split view, shown by the export',
      'a split view, shown by the other export',
      'a split view of an empty log',
      'a split view, by a proof that cannot hold',
      'a split view, by an empty proof',
      'a proof between other sizes',
      'a proof with one hash too many',
      'the export of neither',
      'the export of the smaller one only',
      'two sizes and nothing to show it by',
      'an export that is too short',
      'an export that lacks a bundle',
    ],
  },
  {
    id: 'T11',
    attack: 'put back an old database',
    cases: [
      'a shorter log signed earlier, put back',
      'an old row put back',
      'an old row under the newest version',
      'no rows at all',
    ],
  },
  {
    id: 'T12',
    attack: 'change the tables by SQL',
    cases: [
      'a row changed by SQL',
      'a revoked row made active',
      'a version said to be newer',
      'the row of another object',
      'another salt',
      'a row deleted',
      'a row added',
      'a row twice',
      'a row under another type',
      'a state cut off',
      'a state with an empty line',
      'a state without newline at its end',
      'a state with an endless line',
      'a state with a version that is text',
    ],
  },
  {
    id: 'T13',
    attack: 'drop a batch',
    cases: [
      'a batch left out',
      'a batch in the place of another',
      'a line of a batch changed',
      'a batch of uses left out',
      'a batch of uses recorded twice',
      'a batch of uses under another number',
      'uses in the place of others',
      'uses of another boot',
      'uses after the end of their boot',
      'a use changed',
      'two uses exchanged',
      'a use added to a batch',
    ],
  },
  {
    id: 'T14',
    attack: 'lower the count of a batch',
    cases: [
      'a batch count lowered',
      'a batch without its last line',
      'the count of uses lowered',
      'uses, their count and their root lowered together',
      'a use taken out of its batch',
      'an empty batch of uses',
      'dropped uses hidden',
      'the end of a boot that adds up to less',
      'uses outside the time of their batch',
    ],
  },
  {
    id: 'T20',
    attack: 'bytes in no canonical form',
    cases: [
      'a leaf that is not canonical',
      'a duplicate member',
      'an unknown action',
      'an unknown member',
      'a batch of uses with an unknown member',
      'a leaf that is no JSON',
      'a state that is not canonical',
      'a state with unknown members',
    ],
  },
  {
    id: 'T21',
    attack: 'bytes or files that nobody signed',
    cases: [
      'a tile that is longer than it should be',
      'bytes after the last entry of a bundle',
      'bytes after a batch',
      'an endless batch',
      'a second bundle of the same place',
      'a tile beyond the checkpoint',
      'a batch that no leaf names',
      'uses that no leaf names',
      'a file of its own',
    ],
  },
  {
    id: 'T22',
    attack: 'the origin or checkpoint of another log',
    cases: [
      'the origin in the checkpoint changed',
      'another log of the same key owner',
      'a wrong origin, signed',
      'a checkpoint of another log',
      'a checkpoint under the origin of another log',
      'a checkpoint by an unknown key',
    ],
  },
]

/** All attacks. A case that belongs to none, or a name that is no case, is an error: nothing drops out unnoticed. */
export function tamperMatrix(): MatrixRow[] {
  const logs = new Map(
    [...tamperedLogs(), ...tamperedStates(), ...tamperedUses(), foreignOrigin()].map((log) => [
      log.name,
      log,
    ]),
  )
  const views = new Map(splitViews().map((view) => [view.name, view]))
  const rows = ATTACKS.map(({ id, attack, cases }) => ({
    ...{ id, attack },
    logs: cases.flatMap((name) => take(logs, name)),
    views: cases.flatMap((name) => take(views, name)),
  }))
  const named = ATTACKS.flatMap(({ cases }) => cases).length
  const taken = rows.reduce((sum, row) => sum + row.logs.length + row.views.length, 0)
  const left = [...logs.keys(), ...views.keys()]
  if (named !== taken || left.length > 0)
    throw new Error(`the matrix names ${named} cases, has ${taken}, and leaves out: ${left.join('; ')}`)
  return rows
}

/** What no verifier may say anything against. */
export function untouched(): { readonly logs: readonly LogCase[]; readonly views: readonly ViewCase[] } {
  return { logs: [...untouchedLogs(), ...untouchedStates(), ...untouchedUses()], views: honestViews() }
}

function take<T>(cases: Map<string, T>, name: string): T[] {
  const found = cases.get(name)
  cases.delete(name)
  return found === undefined ? [] : [found]
}
