import type { ClientBase } from 'pg'
import { SCHEMA } from './connect.ts'

/**
 * Everything that decides what a statement of ours does: tables and how they are kept, columns with type, default and
 * collation, constraints, indexes, triggers, rules, row policies, views, functions, operators, types. One text a row.
 */
const DESCRIBE = `
  SELECT 'relation' AS what, c.relname || ' ' || concat_ws(' ', c.relkind, c.relpersistence, c.relrowsecurity,
    c.relforcerowsecurity, c.relispartition, pg_get_viewdef(c.oid)) AS text
    FROM pg_class c WHERE c.relnamespace = $1::regnamespace AND c.relkind NOT IN ('i', 't')
  UNION ALL SELECT 'column', c.relname || ' ' || concat_ws(' ', a.attnum, a.attname, format_type(a.atttypid, a.atttypmod),
    a.attnotnull, a.attidentity, a.attgenerated, a.attisdropped, a.attcollation::regcollation,
    pg_get_expr(d.adbin, d.adrelid))
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = $1::regnamespace AND c.relkind NOT IN ('i', 't', 'S') AND a.attnum > 0
  UNION ALL SELECT 'constraint', concat_ws(' ', conrelid::regclass, conname, convalidated, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE connamespace = $1::regnamespace
  UNION ALL SELECT 'index', concat_ws(' ', pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisready)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE c.relnamespace = $1::regnamespace
  UNION ALL SELECT 'trigger', concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled)
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace = $1::regnamespace AND NOT t.tgisinternal
  UNION ALL SELECT 'constraint trigger', concat_ws(' ', t.tgrelid::regclass, t.tgenabled)
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace = $1::regnamespace AND t.tgisinternal
  UNION ALL SELECT 'rule', concat_ws(' ', pg_get_ruledef(r.oid), r.ev_enabled)
    FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class WHERE c.relnamespace = $1::regnamespace
  UNION ALL SELECT 'child', inhrelid::regclass || ' ' || inhparent::regclass FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent
    WHERE c.relnamespace = $1::regnamespace
  UNION ALL SELECT 'policy', p.polname FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE c.relnamespace = $1::regnamespace
  UNION ALL SELECT 'function', CASE p.prokind WHEN 'a' THEN p.proname ELSE pg_get_functiondef(p.oid) END
    FROM pg_proc p WHERE p.pronamespace = $1::regnamespace
  UNION ALL SELECT 'operator', oprname FROM pg_operator WHERE oprnamespace = $1::regnamespace
  UNION ALL SELECT 'type', t.typname FROM pg_type t WHERE t.typnamespace = $1::regnamespace
  UNION ALL SELECT 'collation', collname FROM pg_collation WHERE collnamespace = $1::regnamespace
  ORDER BY 1, 2`

const EXPECTED = 'keystead_expected'

/** The schema as it is, as a text to compare. */
async function describe(client: ClientBase, schema: string): Promise<string> {
  const { rows } = await client.query<{ what: string; text: string }>(DESCRIBE, [schema])
  return rows.map(({ what, text }) => `${what} ${text}`.replaceAll(`${schema}.`, '')).join('\n')
}

/**
 * Whether the schema is exactly the one that `make` builds: a trigger, rule or function that somebody has planted would
 * change what is written and read behind every check of rows (T-05). The comparison is built beside it and rolled back.
 */
export async function isOwnSchema(client: ClientBase, make: () => Promise<void>): Promise<boolean> {
  const found = await describe(client, SCHEMA)
  await client.query('BEGIN')
  try {
    await client.query(`CREATE SCHEMA ${EXPECTED}; SET LOCAL search_path = ${EXPECTED}, pg_temp`)
    await make()
    const expected = await describe(client, EXPECTED)
    return found === expected
  } finally {
    await client.query('ROLLBACK')
  }
}
