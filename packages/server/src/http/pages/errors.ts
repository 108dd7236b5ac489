import { ERROR_CODES, type ErrorCode, type ErrorCodeName } from '@keystead/protocol/error-codes'
import { code, escaped, page, prose, table } from './html.ts'

/** What the `type` of a problem leads to: the page of its code. Null for what is no code. */
export function renderErrorPage(name: string): string | null {
  if (!Object.hasOwn(ERROR_CODES, name)) return null
  const { status, title, help }: ErrorCode = ERROR_CODES[name as ErrorCodeName]
  return page(
    name,
    `<p><a href="/errors">Errors</a></p>\n<h1>${escaped(title)}</h1>\n` +
      `<p>${code(name)}, HTTP status ${status}</p>\n<p>${prose(help)}</p>`,
  )
}

/** All codes with what they mean. */
export function renderErrorIndex(): string {
  const rows = Object.entries(ERROR_CODES).map(([name, { status, title }]: [string, ErrorCode]) => [
    `<a href="/errors/${name}">${code(name)}</a>`,
    String(status),
    escaped(title),
  ])
  return page(
    'Errors',
    `<p><a href="/docs">API</a></p>\n<h1>Errors</h1>\n` +
      '<p>Every failure is an RFC 9457 problem with one of these in <code>code</code>.</p>\n' +
      table(['code', 'status', 'meaning'], rows),
  )
}
