import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { optionsOf } from './arguments.ts'
import { COMMANDS } from './commands.ts'
import { completionScript, wordsAfter } from './completion.ts'

const run = promisify(execFile)

/** What bash offers for the last of these words; empty: after a space. */
async function offered(...words: readonly string[]): Promise<readonly string[]> {
  const line = words.map((word) => `'${word}'`).join(' ')
  const script =
    `${completionScript(COMMANDS, 'bash')}\nCOMP_WORDS=(keystead ${line})\nCOMP_CWORD=${words.length}\n` +
    `_keystead\nprintf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout } = await run('bash', ['--norc', '-euo', 'pipefail', '-c', script])
  return stdout.split('\n').filter((word) => word !== '')
}

test('bash offers commands, subcommands and options, whatever stands between them', async () => {
  assert.deepEqual(await offered('proj'), ['projects'])
  assert.ok((await offered('keys', '')).includes('rotate'))
  assert.deepEqual(await offered('keys', 'rot'), ['rotate'])
  assert.deepEqual(await offered('keys', 'rotate', 'key_1', '--secret-f'), ['--secret-file'])
  assert.deepEqual(await offered('keys', 'rotate', '--json', 'key_1', '--hel'), ['--help'])
  assert.deepEqual(await offered('audit', 'ver'), ['verify', 'verify-use'])
})

test('a file is completed where an option takes one, and a word that means nothing gets nothing', async () => {
  assert.deepEqual(await offered('keys', 'rotate', '--secret-file', './pa'), [])
  assert.deepEqual(await offered('$(touch /tmp/x)', 'keys'), ['keys'])
})

test('every command and every option of it is offered', () => {
  const words = wordsAfter(COMMANDS)
  for (const command of COMMANDS) {
    for (const [i, word] of command.path.entries())
      assert.ok(words.get(command.path.slice(0, i).join(' '))?.includes(word), command.path.join(' '))
    for (const name of Object.keys(optionsOf(command)))
      assert.ok(words.get(command.path.join(' '))?.includes(`--${name}`), name)
  }
})

test('zsh takes the same script by its bashcompinit', () => {
  assert.equal(
    completionScript(COMMANDS, 'zsh'),
    `autoload -U +X bashcompinit && bashcompinit\n${completionScript(COMMANDS, 'bash')}`,
  )
})
