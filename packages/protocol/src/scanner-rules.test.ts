import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type ApiKeyParts, ENVIRONMENTS, formatApiKey, KEY_KINDS, randomBase62 } from './api-key.ts'
import { SCANNER_FORMATS, scannerRules } from './scanner-rules.ts'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const base62 = (length: number) =>
  fc.string({ unit: fc.constantFrom(...BASE62), minLength: length, maxLength: length })
const anyKey = fc.record({
  brand: fc.stringMatching(/^[a-z][a-z0-9]{1,11}$/),
  kind: fc.constantFrom(...KEY_KINDS),
  environment: fc.constantFrom(...ENVIRONMENTS),
  locator: base62(12),
  secret: base62(32),
})

/** The patterns as they stand in the file, read back out of it. */
function patternsIn(format: (typeof SCANNER_FORMATS)[number], brand: string): RegExp[] {
  const text = scannerRules(format, brand)
  if (format === 'github') {
    const { patterns } = JSON.parse(text) as { patterns: { pattern: string }[] }
    return patterns.map(({ pattern }) => new RegExp(pattern, 'g'))
  }
  const quoted = format === 'gitleaks' ? /^regex = '''(.*)'''$/gm : /^ +key: '(.*)'$/gm
  return [...text.matchAll(quoted)].map(([, pattern = '']) => new RegExp(pattern, 'g'))
}

const found = (format: (typeof SCANNER_FORMATS)[number], brand: string, text: string): string[] =>
  patternsIn(format, brand).flatMap((pattern) => [...text.matchAll(pattern)].map(([, key = '']) => key))

for (const format of SCANNER_FORMATS) {
  test(`${format}: every key of every kind and environment is found once, whatever stands around it`, () => {
    const around = fc.constantFrom('', ' ', '"', "'", '=', ':', ',', '/', '\n', '(', ')', '@', '-', '.')
    fc.assert(
      fc.property(anyKey, around, around, (parts, before, after) => {
        const key = formatApiKey(parts)
        assert.deepEqual(found(format, parts.brand, `${before}${key}${after}`), [key])
        assert.deepEqual(found(format, parts.brand, `TOKEN_${key},${key}`), [key, key])
      }),
    )
  })

  test(`${format}: a text that is one character off in its structure is not found`, () => {
    const parts: ApiKeyParts = {
      ...{ brand: 'acme', kind: 'key', environment: 'production' },
      locator: randomBase62(12, (n) => crypto.getRandomValues(new Uint8Array(n))),
      secret: randomBase62(32, (n) => crypto.getRandomValues(new Uint8Array(n))),
    }
    const key = formatApiKey(parts)
    const [brand, kind, tag, locator, rest] = key.split('_')
    const wrong = [
      ...[`acm_${kind}_${tag}_${locator}_${rest}`, `${brand}_keys_${tag}_${locator}_${rest}`],
      ...[`${brand}_${kind}_prod_${locator}_${rest}`, `${brand}_${kind}_${tag}_${locator}0_${rest}`],
      ...[`${brand}_${kind}_${tag}_${locator?.slice(1)}_${rest}`, key.slice(0, -1), `${key}0`, `${key}_`],
      ...[key.replaceAll('_', '-'), key.replace('_', ''), `${key.slice(0, -1)}-`, key.toUpperCase()],
      ...[`x${key}`, `${brand}_${kind}_${tag}_${locator?.slice(0, -1)}._${rest}`],
    ]
    for (const text of wrong) assert.deepEqual(found(format, 'acme', text), [], text)
    assert.deepEqual(found(format, 'other', key), [])
  })

  test(`${format}: keys of other makers are not found`, () => {
    // Built from parts, so that no scanner takes this file for a leak.
    const others = [
      ...[`sk_${'live'}_${'4eC39HqLyjWDarjtT1zdp7dc'}`, `AKIA${'IOSFODNN7EXAMPLE'}`],
      ...[`ghp_${'a1B2'.repeat(9)}`, `xoxb-${'123456789012'}-${'a1B2'.repeat(6)}`, `AIza${'x'.repeat(35)}`],
      ...[`glpat-${'a1B2'.repeat(5)}`, `npm_${'a1B2'.repeat(9)}`, `key_live_${'a1B2'.repeat(8)}`],
      ...['eyJhbGciOiJIUzI1NiJ9.e30.ZRrHA1JJJW8opsbCGfG_HACGpVUMN_a9IV7pAx_Zmeo', '0'.repeat(64)],
    ]
    for (const text of others) assert.deepEqual(found(format, 'ks', text), [], text)
  })

  test(`${format}: the patterns keep to what RE2 can do`, () => {
    for (const { source } of patternsIn(format, 'ks')) {
      assert.doesNotMatch(source, /\(\?(?!:)/, 'no look-around, no named group')
      assert.doesNotMatch(source, /\\[^b]/, 'no escape but a word boundary')
      assert.doesNotMatch(source, /[*+?}][+?]/, 'no possessive or lazy quantifier')
    }
  })
}

test('what is no brand is refused, so that nothing can be written into a configuration', () => {
  for (const brand of ['', 'k', 'Acme', 'acme"\nregex = "x', 'a'.repeat(13), '1a'])
    assert.throws(() => scannerRules('gitleaks', brand), RangeError)
})
