import type { Command } from '../command.ts'
import { completionScript } from '../completion.ts'
import { EXIT, usageFailure } from '../failure.ts'

/** `commands`: all of them, this one included. */
export function completionCommand(commands: () => readonly Command[]): Command {
  return {
    path: ['completion'],
    summary: 'print a script that completes commands and options in your shell',
    operations: [],
    positionals: [{ name: 'shell', help: 'bash or zsh' }],
    options: {},
    notes: ['Put the line of your shell into ~/.bashrc or ~/.zshrc.'],
    examples: ['source <(keystead completion bash)', 'source <(keystead completion zsh)'],
    run: async (invocation) => {
      const shell = invocation.values.positional('shell')
      if (shell !== 'bash' && shell !== 'zsh') throw usageFailure('the shell must be bash or zsh')
      const script = completionScript(commands(), shell)
      await invocation.present({ shell, script }, () => script.trimEnd())
      return EXIT.ok
    },
  }
}
