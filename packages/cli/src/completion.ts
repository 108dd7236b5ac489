import { optionsOf } from './arguments.ts'
import type { Command } from './command.ts'

/** What may come next on a command line, by the words of commands before it. */
export function wordsAfter(commands: readonly Command[]): ReadonlyMap<string, readonly string[]> {
  const words = new Map<string, Set<string>>()
  const add = (path: readonly string[], word: string): void => {
    const known = words.get(path.join(' '))
    if (known === undefined) words.set(path.join(' '), new Set([word]))
    else known.add(word)
  }
  for (const command of commands) {
    for (const [i, word] of command.path.entries()) add(command.path.slice(0, i), word)
    for (const name of Object.keys(optionsOf(command))) add(command.path, `--${name}`)
  }
  return new Map([...words].map(([path, next]) => [path, [...next].toSorted()]))
}

/**
 * A script for bash; zsh takes it too, by its own bashcompinit. It completes words of commands and options, and names of
 * files after an option that takes one. It asks no server and runs nothing.
 */
export function completionScript(commands: readonly Command[], shell: 'bash' | 'zsh'): string {
  const table = wordsAfter(commands)
  const cases = [...table].map(([path, words]) => `    '${path}') words='${words.join(' ')}' ;;`)
  const known = [...table.keys()].filter((path) => path !== '').map((path) => `|${path}|`)
  return [
    ...(shell === 'zsh' ? ['autoload -U +X bashcompinit && bashcompinit'] : []),
    '_keystead() {',
    "  local at='' try i words",
    `  local known='${known.join('')}'`,
    '  for ((i = 1; i < COMP_CWORD; i++)); do',
    '    try="${at:+$at }${COMP_WORDS[i]}"',
    '    [[ "$known" == *"|$try|"* ]] && at="$try"',
    '  done',
    "  words=''",
    '  case "$at" in',
    ...cases,
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}" || true))',
    '}',
    'complete -o default -F _keystead keystead',
    '',
  ].join('\n')
}
