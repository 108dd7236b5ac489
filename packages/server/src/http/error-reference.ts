import { ERROR_CODES, type ErrorCode } from '@keystead/protocol/error-codes'

/** docs/reference/errors.md, generated: one section per code. */
export function renderErrorReference(): string {
  const sections = Object.entries(ERROR_CODES).map(
    ([code, { status, title, help }]: [string, ErrorCode]) =>
      `## ${code}\n\n${status} · ${title}.\n\n${help}\n`,
  )
  return `# Errors\n\nEvery failure is an RFC 9457 problem (\`application/problem+json\`) with one of these codes in \`code\`. Codes are never renamed.\n\n${sections.join('\n')}`
}
