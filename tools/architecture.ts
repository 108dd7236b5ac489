import { posix } from 'node:path'

/** A source file: its path from the root, with slashes, and its text. */
export interface Source {
  readonly path: string
  readonly text: string
}

/** Folders of packages/server/src from the bottom up. A folder imports its own row, through ports only, and rows below. */
const serverRows: readonly (readonly string[])[] = [
  ['compact'],
  ['storage', 'keystore'],
  ['access'],
  ['audit'],
  ['projects', 'owners', 'roles', 'people', 'keys', 'usage', 'verify', 'vault', 'broker'],
  ['watch'],
  ['incidents', 'evidence'],
  ['http', 'jobs', 'snapshot'],
]

/** Folders of which the rest sees only the ports. */
const adapters: readonly string[] = ['storage', 'keystore']

/** What of storage/ and keystore/ the rest of the server may see: the ports, never an adapter. */
const ports = ['storage/store.ts', 'storage/records.ts', 'keystore/keystore.ts']

/** npm packages and Node modules that belong to one folder. */
const owned: readonly { readonly modules: readonly string[]; readonly folder: string }[] = [
  { modules: ['node:sqlite', 'kysely', 'pg'], folder: 'packages/server/src/storage/' },
  { modules: ['fastify', 'typebox'], folder: 'packages/server/src/http/' },
]

/** Our own packages that each package may import; tools, tests and examples, which are not listed, may import all. */
const packageImports: Readonly<Record<string, readonly string[]>> = {
  'packages/protocol': [],
  'packages/settings': ['@keystead/protocol'],
  'packages/server': ['@keystead/protocol', '@keystead/settings'],
  'packages/sdk': ['@keystead/protocol'],
  'packages/scanner': ['@keystead/protocol'],
  'packages/cli': ['@keystead/protocol', '@keystead/sdk', '@keystead/settings'],
}

/**
 * Every import that the architecture forbids, as "file -> import (rule)".
 * @param allowed per package folder the npm packages that it may import
 */
export function violations(
  sources: readonly Source[],
  allowed: Readonly<Record<string, readonly string[]>>,
): string[] {
  return sources.flatMap((source) => [
    ...importsOf(source.text).flatMap((specifier) =>
      rulesAgainst(source.path, specifier, allowed).map((rule) => `${source.path} -> ${specifier} (${rule})`),
    ),
    ...environmentRule(source),
  ])
}

/** The specifiers of all static, re-exporting, side-effect and literal dynamic imports. */
export function importsOf(text: string): string[] {
  const patterns = [
    /^\s*(?:import|export)\b[^'"`;()]*?\bfrom\s*['"]([^'"]+)['"]/gm,
    /^\s*import\s*['"]([^'"]+)['"]/gm,
    /\bimport\(\s*['"]([^'"]+)['"]/g,
  ]
  return patterns.flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[1] ?? ''))
}

function rulesAgainst(
  path: string,
  specifier: string,
  allowed: Readonly<Record<string, readonly string[]>>,
): string[] {
  const home = packageOf(path)
  if (specifier.startsWith('.')) return relativeRules(path, specifier, home)
  const name = packageName(specifier)
  if (isTest(path)) return specifier.startsWith('node:') ? [] : unlisted(name, home, allowed)
  const owner = owned.find(({ modules }) => modules.includes(name))
  return [
    ...(owner && home === 'packages/server' && !path.startsWith(owner.folder)
      ? [`only ${owner.folder} may import ${name}`]
      : []),
    ...(home === 'packages/protocol' ? ['protocol imports nothing'] : []),
    ...(name.startsWith('@keystead/') && !(packageImports[home] ?? [name]).includes(name)
      ? [`${home} may not import ${name}`]
      : []),
    ...(specifier.startsWith('node:') ? [] : unlisted(name, home, allowed)),
  ]
}

function unlisted(
  name: string,
  home: string,
  allowed: Readonly<Record<string, readonly string[]>>,
): string[] {
  const listed = [...(allowed[home] ?? []), ...(allowed['.'] ?? [])]
  return name.startsWith('@keystead/') || listed.includes(name)
    ? []
    : [`${name} is not in tools/dependencies.json for ${home}`]
}

function relativeRules(path: string, specifier: string, home: string): string[] {
  const target = posix.join(posix.dirname(path), specifier)
  if (isTest(path) && target.startsWith('tools/')) return []
  if (home !== '.' && packageOf(target) !== home)
    return ['a package is imported by its name, not by a relative path']
  if (!/\.(ts|mjs|json)$/.test(specifier)) return ['a relative import carries its extension']
  const source = 'packages/server/src/'
  return path.startsWith(source) && !isTest(path)
    ? serverRules(path.slice(source.length), target.slice(source.length))
    : []
}

function serverRules(from: string, to: string): string[] {
  const [home, other] = [folderOf(from), folderOf(to)]
  if (from === 'main.ts' || home === other || other === '') return []
  if (home === '')
    return ['http', 'jobs'].includes(other) ? [`only main.ts may import ${other}/ from the top`] : []
  const [row, below] = [rowOf(home), rowOf(other)]
  if (row === -1) return [`${home}/ has no place in tools/architecture.ts`]
  if (below === -1) return [`${other}/ has no place in tools/architecture.ts`]
  if (adapters.includes(other) && !ports.includes(to)) return [`${other}/ is used through its port`]
  return below > row ? [`${home}/ may not import ${other}/, which is above it`] : []
}

function environmentRule({ path, text }: Source): string[] {
  const source = 'packages/server/src/'
  if (!path.startsWith(source) || path === `${source}main.ts` || isTest(path)) return []
  const code = text.replaceAll(/\/\*[^]*?\*\/|\/\/.*$/gm, '')
  return /\bprocess\s*\.\s*env\b|from\s*['"]node:process['"]/.test(code)
    ? [`${path} -> process.env (only main.ts reads the environment)`]
    : []
}

function isTest(path: string): boolean {
  return /\.(test|test-support)\.ts$|\/contract\.ts$/.test(path)
}

/** The package folder of a path, "." for everything outside of packages/ and examples/. */
function packageOf(path: string): string {
  return /^(packages|examples)\/[^/]+/.exec(path)?.[0] ?? '.'
}

function packageName(specifier: string): string {
  return specifier.startsWith('node:')
    ? specifier
    : specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

function folderOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : ''
}

function rowOf(folder: string): number {
  return serverRows.findIndex((row) => row.includes(folder))
}
