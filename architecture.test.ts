import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { importsOf, violations, type Source } from './tools/architecture.ts'
import { missingReasons, readLockfile, readReasons } from './tools/dependencies.ts'

const root = import.meta.dirname
const allowed = Object.fromEntries(
  Object.entries(readReasons(root)).map(([folder, reasons]) => [folder, Object.keys(reasons)]),
)

/** So that the rules cannot pass by reading nothing; the tree has had more files than this from its first day. */
const filesMin = 80

function readSources(): Source[] {
  const exclude = (name: string): boolean => /(^|\/)(node_modules|dist)$/.test(name)
  return globSync('{packages,examples,tools,bench,e2e}/**/*.{ts,mjs}', { cwd: root, exclude }).map(
    (path) => ({
      path,
      text: readFileSync(join(root, path), 'utf8'),
    }),
  )
}

test('every import follows the layers', () => {
  const sources = readSources()
  assert.ok(sources.length > filesMin, `only ${sources.length} files were seen`)
  assert.ok(
    sources.flatMap(({ text }) => importsOf(text)).length > 2 * filesMin,
    'imports were not recognised',
  )
  assert.deepEqual(violations(sources, allowed), [])
})

test('every direct dependency has a reason, and every reason its dependency', () => {
  assert.deepEqual(missingReasons(readLockfile(root), readReasons(root)), [])
})

/** One planted import per rule, and what must be said about it; null for those that are fine. */
const planted: readonly (readonly [path: string, text: string, rule: RegExp | null])[] = [
  ['packages/protocol/src/a.ts', "import { createHash } from 'node:crypto'", /protocol imports nothing/],
  ['packages/protocol/src/a.ts', "import type { Sha256 } from './hash.ts'", null],
  ['packages/protocol/src/a.test.ts', "import { createHash } from 'node:crypto'", null],
  [
    'packages/server/src/keys/a.ts',
    "import { DatabaseSync } from 'node:sqlite'",
    /only packages\/server\/src\/storage/,
  ],
  [
    'packages/server/src/keys/a.ts',
    "import {\n  Kysely,\n} from 'kysely'",
    /only packages\/server\/src\/storage/,
  ],
  ['packages/server/src/storage/sqlite/a.ts', "import { DatabaseSync } from 'node:sqlite'", null],
  ['packages/server/src/access/a.ts', "export { Type } from 'typebox'", /only packages\/server\/src\/http/],
  ['packages/server/src/http/a.ts', "import fastify from 'fastify'", null],
  ['packages/server/src/keys/a.ts', 'const port = process.env.PORT', /only main\.ts reads the environment/],
  ['packages/server/src/main.ts', 'const port = process.env.PORT', null],
  ['packages/server/src/keys/a.ts', '// process.env is read in main.ts', null],
  ['packages/server/src/keys/a.ts', "import { serve } from '../http/server.ts'", /http\/, which is above/],
  ['packages/server/src/keys/a.ts', "import { open } from '../storage/sqlite/open.ts'", /through its port/],
  ['packages/server/src/keys/a.ts', "import type { Store } from '../storage/store.ts'", null],
  ['packages/server/src/audit/a.ts', "await import('../keys/issue.ts')", /keys\/, which is above/],
  ['packages/server/src/access/a.ts', "import '../audit/append.ts'", /audit\/, which is above/],
  ['packages/server/src/keys/a.ts', "import { append } from '../audit/append.ts'", null],
  ['packages/server/src/misc/a.ts', "import { append } from '../audit/append.ts'", /misc\/ has no place/],
  [
    'packages/cli/src/a.ts',
    "import { issue } from '@keystead/server/keys/issue'",
    /may not import @keystead\/server/,
  ],
  ['packages/cli/src/a.ts', "import { parse } from '@keystead/protocol/api-key'", null],
  ['packages/cli/src/a.ts', "import { parse } from '../../protocol/src/api-key.ts'", /by its name/],
  ['packages/cli/src/a.ts', "import { parse } from './arguments'", /carries its extension/],
  ['packages/cli/src/a.ts', "import chalk from 'chalk'", /not in tools\/dependencies\.json/],
]

test('a planted violation of each rule is named, and what is allowed is not', () => {
  for (const [path, text, rule] of planted) {
    const found = violations([{ path, text }], allowed)
    if (rule === null) assert.deepEqual(found, [], `${path}: ${text}`)
    else assert.match(found.join('\n'), rule, `${path}: ${text}`)
  }
})
