// gitleaks configuration (TOML), TruffleHog custom detectors (YAML), GitHub secret scanning partner program (JSON)
import { BRAND_PATTERN, KEY_KINDS, type KeyKind, keyTextPattern } from './api-key.ts'

export const SCANNER_FORMATS = ['gitleaks', 'trufflehog', 'github'] as const
export type ScannerFormat = (typeof SCANNER_FORMATS)[number]

/** What the generated reference holds: the rules of the default brand in each format. */
export const SCANNER_RULE_FILES: readonly { readonly format: ScannerFormat; readonly file: string }[] = [
  { format: 'gitleaks', file: 'gitleaks.toml' },
  { format: 'trufflehog', file: 'trufflehog.yaml' },
  { format: 'github', file: 'github-partner-patterns.json' },
]

/**
 * Rules that find the keys of one brand, as the whole text of a configuration file. The regular expressions are made from
 * the definition of the key format and use only what RE2, Hyperscan and PCRE share. RangeError for what is no brand. No
 * rule checks the checksum: `keystead keys check` does, offline, for what a scanner has found.
 */
export function scannerRules(format: ScannerFormat, brand: string): string {
  if (!new RegExp(BRAND_PATTERN).test(brand)) throw new RangeError('a brand is 2 to 12 of a-z and 0-9')
  return RENDERERS[format](brand, rulesOf(brand))
}

/** Random text of 62 characters has 5 bits a character; placeholders such as a row of the letter x stay below 3. */
const ENTROPY_MIN = 3

interface Rule {
  readonly id: string
  readonly description: string
  readonly pattern: string
  /** What a text must hold for the pattern to be tried. */
  readonly keywords: readonly string[]
}

function rulesOf(brand: string): readonly Rule[] {
  const rule = (id: string, description: string, kinds: readonly KeyKind[]): Rule => ({
    id: `${brand}-${id}`,
    description,
    pattern: patternOf(brand, kinds),
    keywords: kinds.map((kind) => `${brand}_${kind}_`),
  })
  return [
    rule(
      'api-key',
      `Keystead API key of ${brand}: it can call the service as its owner.`,
      KEY_KINDS.filter((kind) => kind !== 'root'),
    ),
    rule('root-key', `Keystead root key of ${brand}: it can change keys, as far as its permissions go.`, [
      'root',
    ]),
  ]
}

/** One group, the key itself. What stands before a key may be an underscore, which is no word boundary. */
function patternOf(brand: string, kinds: readonly KeyKind[]): string {
  const key = keyTextPattern(brand, kinds).replaceAll(/\((?!\?)/g, '(?:')
  return `(?:\\b|_)(${key})\\b`
}

const RENDERERS: Readonly<Record<ScannerFormat, (brand: string, rules: readonly Rule[]) => string>> = {
  gitleaks: (brand, rules) =>
    [
      `title = "Keystead keys of ${brand}"\n`,
      ...rules.map(({ id, description, pattern, keywords }) =>
        [
          '[[rules]]',
          `id = "${id}"`,
          `description = "${description}"`,
          `regex = '''${pattern}'''`,
          'secretGroup = 1',
          `entropy = ${ENTROPY_MIN}.0`,
          `keywords = ${JSON.stringify(keywords)}\n`,
        ].join('\n'),
      ),
    ].join('\n'),
  trufflehog: (_, rules) =>
    [
      'detectors:',
      ...rules.flatMap(({ id, description, pattern, keywords }) => [
        `  - name: ${id}`,
        `    description: "${description}"`,
        '    keywords:',
        ...keywords.map((keyword) => `      - ${keyword}`),
        '    regex:',
        `      key: '${pattern}'`,
      ]),
      '',
    ].join('\n'),
  github: (brand, rules) => {
    const patterns = rules.map(({ id, description, pattern }) => ({
      type: id.replaceAll('-', '_'),
      description,
      pattern,
    }))
    return `${JSON.stringify({ partner: `Keystead keys of ${brand}`, patterns }, null, 2)}\n`
  },
}
