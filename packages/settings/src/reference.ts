import { type Setting, SETTINGS } from './setting.ts'

/** The reference page: every setting, and the whole file. */
export function renderSettingsReference(): string {
  const rows = SETTINGS.map(
    ({ name, variable, meaning, otherwise }) =>
      `| \`${name}\` | \`${variable}\` | ${otherwise} | ${meaning} |`,
  )
  return [
    '# Settings',
    '',
    'What a server can be told, in a file or by environment variables; see [Configuration](../operate/configuration.md).',
    'No secret is among them: where one is needed, the setting names the file that holds it.',
    '',
    '| in the file | variable | where it is not set | meaning |',
    '|---|---|---|---|',
    ...rows,
    '',
    'The whole file, as `keystead config example` prints it:',
    '',
    '```yaml',
    renderExample().trimEnd(),
    '```',
    '',
  ].join('\n')
}

/** A file with every setting, each said and left out. */
export function renderExample(): string {
  const lines: string[] = [
    '# A Keystead server. Left out is what is not set here: take away the # to set it.',
  ]
  let section = ''
  for (const setting of SETTINGS as readonly Setting[]) {
    const [last = '', ...sections] = setting.name.split('.').toReversed()
    const own = sections.toReversed().join('.')
    lines.push('')
    if (own !== section && own !== '') lines.push(`${own}:`)
    section = own
    const indent = own === '' ? '' : '  '
    lines.push(`${indent}# ${setting.meaning}. Else: ${setting.otherwise}.`.replaceAll('`', ''))
    lines.push(`${indent}#${last}: ${setting.example}`)
  }
  return `${lines.join('\n')}\n`
}
