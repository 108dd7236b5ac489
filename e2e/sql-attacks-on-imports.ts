import { createHash } from 'node:crypto'
import { alter, type Attack, copy, putBack, remove } from './sql-attack-catalogue.ts'

/** A text whose digest is anybody's to compute. */
const KNOWN = createHash('sha256').update('known').digest('base64url')

/** Without its source the texts of a key mean nothing. */
const SOURCES: readonly Attack[] = [
  alter('a source takes a hash that needs no key', 'import_source', ['imported'], ({ sourceId }) => [
    sourceId,
    { algorithm: 'sha256', secret: null },
  ]),
  alter('a source is given a key that the attacker knows', 'import_source', ['imported'], ({ sourceId }) => [
    sourceId,
    { secret: KNOWN },
  ]),
  alter('a source hashes a part of the text only', 'import_source', ['imported'], ({ sourceId }) => [
    sourceId,
    { lookup: '{"length":1}', hashes: 'rest' },
  ]),
  alter('a source is moved to staging', 'import_source', ['imported'], ({ sourceId }) => [
    sourceId,
    { environment: 'staging' },
  ]),
  remove('a source is deleted', 'import_source', ['imported'], ({ sourceId }) => sourceId),
  copy('a source is there twice', 'import_source', ({ sourceId }) => sourceId, {
    name: 'another',
    algorithm: 'sha256',
    secret: null,
  }),
]

const KEYS: readonly Attack[] = [
  alter('an imported key is found by a text that the attacker knows', 'api_key', ['imported'], ({ cast }) => [
    cast.imported.id,
    { import_ref: KNOWN, versions: JSON.stringify([[1, KNOWN, 1, null]]) },
  ]),
  alter('a slow hash is replaced', 'api_key', [], ({ slowId }) => [slowId, { import_hash: KNOWN }]),
  alter('an imported key is said to be issued here', 'api_key', ['imported'], ({ cast }) => [
    cast.imported.id,
    { import_source_id: null, import_ref: null },
  ]),
  alter('the revocation of an imported key is undone', 'api_key', ['dropped'], ({ cast }) => [
    cast.dropped.id,
    { state: 'active', revoked_at: null, revocation_reason: null },
  ]),
  putBack(
    'an imported key is as before its revocation',
    'api_key',
    ['dropped'],
    ({ cast }) => cast.dropped.id,
  ),
]

/** What whoever writes to the tables of imports can try: to have a text of theirs taken for a customer's key. */
export const IMPORT_ATTACKS: readonly Attack[] = [...SOURCES, ...KEYS]
