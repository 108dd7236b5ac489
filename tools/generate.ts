// Writes the generated documents; with --check it only names those that differ, and fails.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { renderAuditEventReference } from '../packages/server/src/audit/event-reference.ts'
import { renderErrorReference } from '../packages/server/src/http/error-reference.ts'
import { renderOpenApi } from '../packages/server/src/http/openapi.ts'
import { renderSettingsReference } from '../packages/settings/src/reference.ts'
import { scannerRules, SCANNER_RULE_FILES } from '../packages/protocol/src/scanner-rules.ts'
import { readLockfile, readReasons, renderDependencies } from './dependencies.ts'

const root = resolve(import.meta.dirname, '..')

/** What KEYSTEAD_BRAND is when it is not set. */
const DEFAULT_BRAND = 'ks'

/** Every generated document: where it is, relative to the root, and its whole text. One line each. */
const documents: readonly { readonly path: string; readonly render: () => string }[] = [
  {
    path: 'docs/reference/dependencies.md',
    render: () => renderDependencies(readLockfile(root), readReasons(root)),
  },
  { path: 'docs/reference/openapi.json', render: renderOpenApi },
  { path: 'docs/reference/errors.md', render: renderErrorReference },
  { path: 'docs/reference/audit-events.md', render: renderAuditEventReference },
  { path: 'docs/reference/settings.md', render: renderSettingsReference },
  ...SCANNER_RULE_FILES.map(({ format, file }) => ({
    path: `docs/reference/scanner-rules/${file}`,
    render: () => scannerRules(format, DEFAULT_BRAND),
  })),
]

const check = process.argv.includes('--check')
for (const { path, render } of documents) {
  const file = join(root, path)
  const text = render()
  if (existsSync(file) && readFileSync(file, 'utf8') === text) continue
  if (check) {
    console.error(`${path} differs from what its source gives: run npm run generate and commit it`)
    process.exitCode = 1
  } else {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    console.log(`wrote ${path}`)
  }
}
