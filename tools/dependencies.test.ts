import assert from 'node:assert/strict'
import { test } from 'node:test'
import { missingReasons, renderDependencies } from './dependencies.ts'

const lockfile = {
  '': { devDependencies: { tool: '1.0.0' } },
  'packages/a': { dependencies: { b: '1.0.0', own: '0.1.0' } },
  'packages/own': {},
  'node_modules/own': { resolved: 'packages/own', link: true },
  'node_modules/b': { version: '1.0.0', dependencies: { c: '^2.0.0' } },
  'node_modules/c': { version: '3.0.0' },
  'node_modules/b/node_modules/c': { version: '2.1.0' },
  'node_modules/tool': { version: '1.0.0', dependencies: { c: '^3.0.0' } },
}
const reasons = { '.': { tool: 'checks' }, 'packages/a': { b: 'does b', own: 'ours' } }

test('a package lists what it declares with the reason, and the very versions that come along', () => {
  const page = renderDependencies(lockfile, reasons)
  assert.match(
    page,
    /## packages\/a\n\n- b 1\.0\.0: does b\n- own: ours\n\nBrought along \(2 packages in all\):\n\n- c 2\.1\.0\n/,
  )
  assert.match(page, /## packages\/own\n\nNone\.\n/)
  assert.doesNotMatch(page, /- tool|c 3\.0\.0/)
})

test('a dependency without a reason is refused, and so is a reason without a dependency', () => {
  const given = { '.': {}, 'packages/a': { b: 'does b', own: 'ours', gone: 'was here' } }
  assert.deepEqual(missingReasons(lockfile, given), [
    '.: tool has no reason in tools/dependencies.json',
    'packages/a: tools/dependencies.json explains gone, which is not a dependency',
  ])
  assert.throws(() => renderDependencies(lockfile, given), /tool has no reason/)
})
