import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { ERROR_CODES } from '@keystead/protocol/error-codes'
import fc from 'fast-check'
import { failure, openApi } from '../api.test-support.ts'
import { LEAN_OPERATIONS, OPERATIONS, SELF_OPERATIONS } from '../operations.ts'
import { escaped, prose } from './html.ts'

test('the pages need no credential, run and load nothing, and fit their policy', async (t) => {
  const api = await openApi(t)
  for (const path of ['/docs', '/errors', '/errors/key.not_found']) {
    const { status, headers, text } = await api.call('GET', path, { credential: null })
    assert.deepEqual([status, headers['content-type']], [200, 'text/html; charset=utf-8'], path)
    assert.doesNotMatch(text, /<script|<img|<link|\son\w+=|https?:/i, path)
    const style = /<style>([\s\S]*)<\/style>/.exec(text)?.[1] ?? ''
    const hash = createHash('sha256').update(style).digest('base64')
    assert.match(String(headers['content-security-policy']), /^default-src 'none'; /)
    assert.ok(String(headers['content-security-policy']).includes(`style-src 'sha256-${hash}'`))
  }
})

test('every operation is there with all its fields, and every link of the pages leads somewhere', async (t) => {
  const api = await openApi(t)
  const { text } = await api.call('GET', '/docs', { credential: null })
  for (const { id, path, body, permission } of [...OPERATIONS, ...SELF_OPERATIONS, ...LEAN_OPERATIONS]) {
    const section = text.slice(text.indexOf(`<h3 id="${id}">`)).split('<h3 ')[1] ?? ''
    assert.ok(section.includes(escaped(path)), id)
    if (permission !== null) assert.ok(section.includes(`<code>${permission}</code>`), id)
    const { properties = {} } = (body ?? {}) as { properties?: object }
    for (const name of Object.keys(properties))
      assert.ok(section.includes(`<code>${name}</code>`), `${id} ${name}`)
  }
  const index = (await api.call('GET', '/errors', { credential: null })).text
  const links = [...`${text}${index}`.matchAll(/href="([^"]+)"/g)].map((match) => match[1] ?? '')
  for (const link of new Set(links)) {
    if (link.startsWith('#')) assert.ok(text.includes(`id="${link.slice(1)}"`), link)
    else assert.equal((await api.call('GET', link, { credential: null })).status, 200, link)
  }
  assert.ok(links.length > 200)
})

test('the type of every problem is a page about it, and of no other name there is one', async (t) => {
  const api = await openApi(t)
  for (const [name, { title, status }] of Object.entries(ERROR_CODES)) {
    const { text } = await api.call('GET', `/errors/${name}`, { credential: null })
    assert.ok(text.includes(escaped(title)) && text.includes(String(status)), name)
  }
  for (const name of ['constructor', '__proto__', 'key.unknown', '%3Cscript%3E'])
    assert.deepEqual(failure(await api.call('GET', `/errors/${name}`, { credential: null })), [
      404,
      'request.not_found',
    ])
})

test('no text becomes markup', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      assert.doesNotMatch(escaped(text), /[<>"']/)
      assert.doesNotMatch(prose(text).replaceAll(/<\/?code>/g, ''), /[<>"']/)
    }),
  )
})
