import { optionsOf } from './arguments.ts'
import type { Command } from './command.ts'

/** The overview: every command in one line each. */
export function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map((command) => pathText(command).length))
  return [
    'keystead: issue, rotate, revoke and verify API keys, and check the audit log',
    '',
    'usage: keystead <command> [options]',
    '',
    ...commands.map((command) => `  ${pathText(command).padEnd(width)}  ${command.summary}`),
    '',
    'keystead <command> --help shows its options and examples.',
    '',
    'Connection: --url or KEYSTEAD_URL (default http://127.0.0.1:4440).',
    'Credential: a file with a root key, --credential-file or KEYSTEAD_CREDENTIAL_FILE (default ./data/bootstrap-key).',
    'Exit codes: 0 ok, 1 refused by the server or refuted by a verification, 2 usage, 3 server not reached,',
    '            4 credential missing or unreadable.',
  ].join('\n')
}

/** The commands below a group such as `keys`. */
export function groupHelp(group: readonly string[], commands: readonly Command[]): string {
  const width = Math.max(...commands.map((command) => pathText(command).length))
  return [
    `usage: keystead ${group.join(' ')} <command> [options]`,
    '',
    ...commands.map((command) => `  ${pathText(command).padEnd(width)}  ${command.summary}`),
  ].join('\n')
}

/** Usage, options and examples of one command. */
export function commandHelp(command: Command): string {
  const positionals = command.positionals ?? []
  const words = positionals.map(({ name, optional }) => (optional === true ? `[${name}]` : `<${name}>`))
  const options = Object.entries(optionsOf(command)).map(([name, spec]) => ({
    text: `--${name}${spec.type === 'flag' ? '' : ` ${spec.placeholder ?? 'TEXT'}`}`,
    help: `${spec.help}${spec.type === 'list' ? ' (may be repeated)' : ''}${spec.required === true ? ' (required)' : ''}`,
  }))
  const width = Math.max(
    ...options.map(({ text }) => text.length),
    ...positionals.map(({ name }) => name.length + 2),
  )
  return [
    command.summary,
    '',
    `usage: ${['keystead', ...command.path, ...words, '[options]'].join(' ')}`,
    '',
    ...positionals.map(({ name, help }) => `  ${`<${name}>`.padEnd(width)}  ${help}`),
    ...options.map(({ text, help }) => `  ${text.padEnd(width)}  ${help}`),
    ...(command.notes === undefined ? [] : ['', ...command.notes]),
    '',
    'examples:',
    ...command.examples.map((example) => `  ${example}`),
  ].join('\n')
}

/** The sentence for words that are no command, with the nearest command when one is near. */
export function unknownCommand(commands: readonly Command[], words: readonly string[]): string {
  const typed = words.slice(0, 3).join(' ').slice(0, 60)
  const scored = commands.map((command) => ({
    path: pathText(command),
    score: distance(words.slice(0, command.path.length).join(' ').slice(0, 60), pathText(command)),
  }))
  const nearest = scored.toSorted((left, right) => left.score - right.score)[0]
  // A third of the letters wrong is still a typing error; more is another word.
  const near = nearest !== undefined && nearest.score <= Math.ceil(nearest.path.length / 3)
  const hint = near ? `did you mean: keystead ${nearest.path}` : 'see: keystead help'
  return `there is no command ${JSON.stringify(typed)}\n${hint}`
}

function pathText(command: Command): string {
  return command.path.join(' ')
}

/** Levenshtein distance; both texts are short (<= 60). */
function distance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (const [row, character] of Array.from(left).entries()) {
    const current = [row + 1]
    for (let column = 1; column <= right.length; column++) {
      const substitution = (previous[column - 1] ?? 0) + (character === right[column - 1] ? 0 : 1)
      current.push(Math.min(substitution, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    previous = current
  }
  return previous[right.length] ?? 0
}
