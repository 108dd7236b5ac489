import { describeProblems, type Effective } from '@keystead/settings/config'
import { FILE_VARIABLE, loadConfig } from '@keystead/settings/load'
import { describeSource } from '@keystead/settings/problem'
import { renderExample } from '@keystead/settings/reference'
import type { Command, Invocation, OptionSpec } from '../command.ts'
import { EXIT, refusal } from '../failure.ts'
import { type Column, renderTable } from '../table.ts'

const CONFIG: OptionSpec = {
  type: 'text',
  placeholder: 'FILE',
  help: `the configuration of a server (${FILE_VARIABLE})`,
}
const NOTES: readonly string[] = [
  'It reads the file and the environment variables of this shell, as a server that is started here would.',
  'Exit code 1 when something is wrong, with its line.',
]

const COLUMNS: readonly Column<Effective>[] = [
  { title: 'SETTING', cell: ({ setting }) => setting.name },
  {
    title: 'VALUE',
    cell: ({ setting, value }) =>
      value === null ? setting.otherwise.replaceAll('`', '') : String(value).replaceAll(',', ', '),
  },
  { title: 'FROM', cell: ({ source }) => (source === null ? 'default' : describeSource(source)) },
]

/** What a server that is started here is told. Nothing of it is secret: where one is needed, a setting names its file. */
export const CONFIG_COMMANDS: readonly Command[] = [
  {
    path: ['config', 'check'],
    summary: 'check the configuration of a server before it is started, offline',
    operations: [],
    options: { config: CONFIG },
    notes: NOTES,
    examples: ['keystead config check --config /etc/keystead/keystead.yaml'],
    run: async (invocation) => {
      const { length } = effectiveOf(invocation).filter(({ source }) => source !== null)
      await invocation.present(
        { ok: true, set: length },
        () => `ok: ${length} settings are set, all are right`,
      )
      return EXIT.ok
    },
  },
  {
    path: ['config', 'show'],
    summary: 'show what a server would be told, and by whom',
    operations: [],
    options: { config: CONFIG },
    notes: NOTES,
    examples: ['keystead config show --config /etc/keystead/keystead.yaml', 'keystead config show --json'],
    run: async (invocation) => {
      const effective = effectiveOf(invocation)
      const settings = effective.map(({ setting, value, source }) => ({
        name: setting.name,
        value,
        from: source === null ? null : describeSource(source),
      }))
      await invocation.present({ settings }, () => renderTable(COLUMNS, effective, invocation.world.stdout))
      return EXIT.ok
    },
  },
  {
    path: ['config', 'example'],
    summary: 'print a configuration file with every setting explained and left out',
    operations: [],
    options: {},
    examples: ['keystead config example > keystead.yaml'],
    run: async (invocation) => {
      const yaml = renderExample()
      await invocation.present({ yaml }, () => yaml.trimEnd())
      return EXIT.ok
    },
  },
]

/** The settings; a refusal with all that is wrong, a line each. */
function effectiveOf({ world, values }: Invocation): readonly Effective[] {
  const { effective, problems } = loadConfig(world.env, values.text('config') ?? null)
  if (problems.length > 0) throw refusal(describeProblems(problems))
  return effective
}
