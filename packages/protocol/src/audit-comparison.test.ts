import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CannotCompareError, compareCheckpoints } from './audit-comparison.ts'
import { sha256, verifyEd25519 } from './node-crypto.test-support.ts'
import { honestViews, splitViews, type ViewCase } from './split-views.test-support.ts'

test('two checkpoints of one log are consistent, at every pair of sizes', async () => {
  for (const view of honestViews()) await judge(view)
})

test('two signed checkpoints that cannot be of one log are a split view, and what shows nothing is no proof', async () => {
  for (const view of splitViews()) await judge(view)
})

async function judge({ name, notes, trust, proof, files, verdict }: ViewCase): Promise<void> {
  const readFile = files === null ? null : async (path: string) => files.get(path) ?? null
  const comparison = compareCheckpoints({ notes, trust, proof, readFile, sha256, verifyEd25519 })
  if (verdict === null) await assert.rejects(comparison, CannotCompareError, name)
  else assert.equal((await comparison).verdict, verdict, name)
}
