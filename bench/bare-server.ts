/**
 * What Node itself can do: bare node:http that does JSON.parse, SHA-256, a look-up in a Map and JSON.stringify of an
 * answer of the same shape. No caller, no state, no time, no permission. Arguments: a file of key texts, one a line.
 */
import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'

interface Answer {
  readonly code: string
  readonly valid: boolean
  readonly reason: null
  readonly keyId: string
  readonly version: number
  readonly ownerId: string
  readonly environment: string
  readonly position: number
  readonly ageMs: number
}

const known = new Map<string, Answer>()
const keys = readFileSync(process.argv[2] ?? '', 'utf8')
  .trim()
  .split('\n')
for (const [i, text] of keys.entries()) {
  known.set(hash('sha256', text, 'base64url'), {
    code: 'VALID',
    valid: true,
    reason: null,
    keyId: `key_${String(i).padStart(26, '0')}`,
    version: 1,
    ownerId: `own_${String(i).padStart(26, '0')}`,
    environment: 'production',
    position: keys.length,
    ageMs: 0,
  })
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const body = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
    const { key } = JSON.parse(body.toString()) as { key: string }
    const answer = JSON.stringify(known.get(hash('sha256', key, 'base64url')) ?? { code: 'NOT_FOUND' })
    response.writeHead(200, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(answer),
      'cache-control': 'no-store',
    })
    response.end(answer)
  })
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  console.log(`bare ready on http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`)
})
process.once('SIGTERM', () => process.exit(0))
