import { BRAND_PATTERN } from '@keystead/protocol/api-key'
import { SCANNER_FORMATS, scannerRules } from '@keystead/protocol/scanner-rules'
import type { Command } from '../command.ts'
import { EXIT, usageFailure } from '../failure.ts'

export const SCANNER_RULES_COMMAND: Command = {
  path: ['scanner-rules'],
  summary: 'print rules with which secret scanners find leaked keys, offline',
  operations: [],
  options: {
    format: { type: 'text', placeholder: 'FORMAT', help: 'gitleaks, trufflehog or github', required: true },
    brand: { type: 'text', placeholder: 'BRAND', help: 'how your keys begin (default ks)' },
  },
  notes: [
    'The rules match the form of a key. What they find is checked offline, checksum included, with keystead keys check.',
  ],
  examples: [
    'keystead scanner-rules --format gitleaks --brand acme > .gitleaks.toml',
    'keystead scanner-rules --format trufflehog --brand acme > trufflehog.yaml',
  ],
  run: async (invocation) => {
    const brand = invocation.values.text('brand') ?? 'ks'
    if (!new RegExp(BRAND_PATTERN).test(brand))
      throw usageFailure('--brand must be 2 to 12 characters of a-z and 0-9, a letter first')
    const wanted = invocation.values.required('format')
    const format = SCANNER_FORMATS.find((each) => each === wanted)
    if (format === undefined) throw usageFailure(`--format must be one of ${SCANNER_FORMATS.join(', ')}`)
    const rules = scannerRules(format, brand)
    await invocation.present({ format, brand, rules }, () => rules.trimEnd())
    return EXIT.ok
  },
}
