import { parseArgs } from 'node:util'
import { BRAND_PATTERN, keyTextPattern, parseApiKey } from '@keystead/protocol/api-key'
import type { Command, OptionSpec, PositionalSpec } from './command.ts'
import { usageFailure } from './failure.ts'
import { Values } from './values.ts'

/** Options that every command takes. */
const COMMON_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  json: { type: 'flag', help: "print the API's JSON" },
  help: { type: 'flag', help: 'show the help of this command' },
}

/** Options of the commands that talk to a server. */
export const CONNECTION_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  url: { type: 'text', placeholder: 'URL', help: 'server (KEYSTEAD_URL, default http://127.0.0.1:4440)' },
  'credential-file': {
    type: 'text',
    placeholder: 'FILE',
    help: 'root key (KEYSTEAD_CREDENTIAL_FILE, default ./data/bootstrap-key)',
  },
  'insecure-http': { type: 'flag', help: 'send the credential over plain http to another machine' },
}

/** Whose: of the commands that make something in a project, or list what one has. */
export const PROJECT_OPTION: OptionSpec = {
  type: 'text',
  placeholder: 'PROJECT',
  help: 'project id; may be left out where there is only one',
}
export const ENVIRONMENT_OPTION: OptionSpec = {
  type: 'text',
  placeholder: 'ENV',
  help: 'production, staging or development',
  required: true,
}

/** Options of the commands that list. */
export const PAGE_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  limit: { type: 'text', placeholder: 'N', help: 'rows per page, 1 to 200' },
  cursor: { type: 'text', placeholder: 'CURSOR', help: 'go on after the page that printed this cursor' },
  all: { type: 'flag', help: 'follow the cursors to the end (at most 100,000 rows)' },
}

// The same shape as a key without its checksum, anywhere in the text: a mistyped key is a leaked key all the same.
const KEY_SHAPE = new RegExp(keyTextPattern(BRAND_PATTERN.slice(1, -1)))
const LOCATOR_GROUP = 4

/**
 * Refuses (usage) when an argument or a KEYSTEAD_* variable holds the text of a key, and names it by its locator only.
 * Runs before anything else looks at the arguments, so that no error message can repeat one.
 */
export function refuseKeysInSight(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): void {
  for (const argument of argv) {
    const locator = keyLocatorIn(argument)
    if (locator !== null) {
      throw usageFailure(
        `an argument contains the key with locator ${locator}: it is now in your shell's history and was visible in the ` +
          'process list. Revoke it. Keys are read from a file (--key-file, --credential-file) or from standard input',
      )
    }
  }
  for (const [name, value] of Object.entries(env)) {
    const locator = name.startsWith('KEYSTEAD_') && value !== undefined ? keyLocatorIn(value) : null
    if (locator !== null) {
      throw usageFailure(
        `the environment variable ${name} contains the key with locator ${locator}; child processes and crash reports ` +
          'see it. Revoke it, write its successor to a file and name the file in KEYSTEAD_CREDENTIAL_FILE',
      )
    }
  }
}

function keyLocatorIn(text: string): string | null {
  return KEY_SHAPE.exec(text)?.[LOCATOR_GROUP] ?? parseApiKey(text.trim())?.locator ?? null
}

/** The command whose path is the longest prefix of `argv`, and the arguments after it; null when there is none. */
export function findCommand(
  commands: readonly Command[],
  argv: readonly string[],
): { readonly command: Command; readonly rest: readonly string[] } | null {
  const fits = commands.filter((command) => command.path.every((word, index) => argv[index] === word))
  const command = fits.toSorted((left, right) => right.path.length - left.path.length)[0]
  return command === undefined ? null : { command, rest: argv.slice(command.path.length) }
}

/** Strictly parsed options and positionals of `command`. Usage failures name the option and the command's help. */
export function parseValues(command: Command, rest: readonly string[]): Values {
  const specs = optionsOf(command)
  const options = Object.fromEntries(
    Object.entries(specs).map(([name, spec]) => [
      name,
      {
        type: spec.type === 'flag' ? ('boolean' as const) : ('string' as const),
        multiple: spec.type === 'list',
        ...(name === 'help' ? { short: 'h' } : {}),
      },
    ]),
  )
  const hint = `see: keystead ${command.path.join(' ')} --help`
  try {
    const parsed = parseArgs({ args: [...rest], options, allowPositionals: true, strict: true, tokens: true })
    refuseRepeats(specs, parsed.tokens)
    const positionals = nameParts(
      command.positionals ?? [],
      parsed.positionals,
      parsed.values['help'] === true,
    )
    const values = new Values(parsed.values, positionals)
    if (!values.flag('help')) requireOptions(specs, values)
    return values
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw usageFailure(`${reason}\n${hint}`)
  }
}

/** All options of a command, the common ones last. */
export function optionsOf(command: Command): Readonly<Record<string, OptionSpec>> {
  return { ...command.options, ...COMMON_OPTIONS }
}

/** parseArgs lets the last value win; that would hide a mistake such as two --owner. */
function refuseRepeats(
  specs: Readonly<Record<string, OptionSpec>>,
  tokens: readonly { readonly kind: string; readonly name?: string }[],
): void {
  const seen = new Set<string>()
  for (const { kind, name } of tokens) {
    if (kind !== 'option' || name === undefined || specs[name]?.type === 'list') continue
    if (seen.has(name)) throw usageFailure(`--${name} is given twice`)
    seen.add(name)
  }
}

function requireOptions(specs: Readonly<Record<string, OptionSpec>>, values: Values): void {
  const missing = Object.entries(specs).filter(
    ([name, spec]) =>
      spec.required === true && values.text(name) === undefined && values.list(name) === undefined,
  )
  if (missing.length > 0) throw usageFailure(`missing: ${missing.map(([name]) => `--${name}`).join(', ')}`)
}

function nameParts(
  specs: readonly PositionalSpec[],
  given: readonly string[],
  help: boolean,
): Record<string, string> {
  const extra = given[specs.length]
  if (extra !== undefined) throw usageFailure(`unexpected argument ${JSON.stringify(extra.slice(0, 80))}`)
  const missing = specs.find((spec, index) => spec.optional !== true && given[index] === undefined)
  if (missing !== undefined && !help) throw usageFailure(`<${missing.name}> is missing`)
  return Object.fromEntries(
    specs.flatMap((spec, index) => (given[index] === undefined ? [] : [[spec.name, given[index]]])),
  )
}
