import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { launch, launchServer, ROOT } from '../e2e/program.ts'
import { ENVIRONMENT, type Installation, makeInstallation, permissionsOf } from './installation.ts'

const CLI = join(ROOT, 'packages/cli/bin/keystead.mjs')
const KEYS_PER_OWNER = 100
const PAGE_ROWS = 200

/**
 * Makes a data folder with `count` API keys, a hundred to an owner, that `keystead keys import` has brought in by the
 * SHA-256 of their texts, the server on one core and the command on the other; says how long the command took.
 */
export async function importInstallation(
  dataDir: string,
  count: number,
  cores: { readonly server: number; readonly load: number },
): Promise<{ readonly installation: Installation; readonly importMs: number }> {
  const made = await makeInstallation(dataDir, 0)
  const credential = `${dataDir}.bootstrap`
  writeFileSync(credential, made.bootstrap, { mode: 0o600 })
  const server = launchServer(dataDir, { core: cores.server })
  try {
    const url = await server.ready
    const call = async <Answer>(path: string, body?: object): Promise<Answer> => {
      const answer = await fetch(`${url}${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { authorization: `Bearer ${made.bootstrap}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`)
      return (await answer.json()) as Answer
    }
    const source = { projectId: made.projectId, environment: ENVIRONMENT, name: 'old', algorithm: 'sha256' }
    const { id } = await call<{ id: string }>('/v1/import-sources', source)
    const secrets = Array.from(
      { length: count },
      (_, i) => `old_${i.toString().padStart(8, '0')}_of_a_customer`,
    )
    const file = `${dataDir}.jsonl`
    await writeLines(file, secrets)
    const args = ['keys', 'import', '--source', id, '--file', file, '--create-owners', '--url', url]
    const startedAt = performance.now()
    const command = launch({
      script: CLI,
      args: [...args, '--credential-file', credential],
      core: cores.load,
      readyPattern: /^imported +(\d+)/m,
      startMsMax: 3_600_000,
    })
    const imported = Number(await command.ready)
    await command.exited
    const importMs = performance.now() - startedAt
    if (imported !== count) throw new Error(`${imported} of ${count} keys were imported`)
    const ownerIds: string[] = []
    for (let cursor: string | null = ''; cursor !== null;) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`
      const page: { items: { id: string }[]; nextCursor: string | null } = await call(
        `/v1/owners?limit=${PAGE_ROWS}${query}`,
      )
      ownerIds.push(...page.items.map((owner) => owner.id))
      cursor = page.nextCursor
    }
    return { installation: { ...made, secrets, ownerIds, ownerId: ownerIds[0] ?? '' }, importMs }
  } finally {
    await server.end('SIGTERM')
    rmSync(credential, { force: true })
    rmSync(`${dataDir}.jsonl`, { force: true })
  }
}

async function writeLines(file: string, texts: readonly string[]): Promise<void> {
  const stream = createWriteStream(file, { mode: 0o600 })
  for (const [i, text] of texts.entries()) {
    const line = JSON.stringify({
      hash: createHash('sha256').update(text).digest('hex'),
      ownerExternalId: `customer-${Math.floor(i / KEYS_PER_OWNER)}`,
      name: `key ${i}`,
      permissions: permissionsOf(i),
    })
    if (!stream.write(`${line}\n`)) await once(stream, 'drain')
  }
  stream.end()
  await once(stream, 'finish')
}
