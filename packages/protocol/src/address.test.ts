import assert from 'node:assert/strict'
import { BlockList, isIPv4, isIPv6 } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatAddressRange, isInRanges, parseAddress, parseAddressRange } from './address.ts'

const rangesOf = (...texts: string[]) =>
  texts.map((text) => {
    const { range, problem } = parseAddressRange(text)
    assert.ok(range !== null, `${text} ${problem ?? ''}`)
    return range
  })
const isIn = (address: string, ...ranges: string[]): boolean => {
  const parsed = parseAddress(address)
  return parsed !== null && isInRanges(rangesOf(...ranges), parsed)
}

test('an address is in the ranges that begin like it', () => {
  assert.ok(isIn('10.1.2.3', '10.0.0.0/8'))
  assert.ok(isIn('10.1.2.3', '192.0.2.0/24', '10.1.2.3'))
  assert.ok(isIn('2001:db8::1', '2001:db8::/32'))
  assert.ok(!isIn('11.1.2.3', '10.0.0.0/8'))
  assert.ok(isIn('10.1.2.127', '10.1.2.0/25') && !isIn('10.1.2.128', '10.1.2.0/25'))
})

test('IPv4-mapped IPv6 is IPv4, and the families never meet', () => {
  assert.ok(isIn('::ffff:10.1.2.3', '10.0.0.0/8'))
  assert.ok(isIn('10.1.2.3', '::ffff:10.0.0.0/104'))
  assert.ok(!isIn('10.1.2.3', '::/0'))
  assert.ok(!isIn('::1', '0.0.0.0/0'))
})

test('what other programs take for an address is none', () => {
  for (const text of [
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '1.2.3.256',
    '0x1.2.3.4',
    '1.2.3.4 ',
    ' 1.2.3.4',
    '1.2.3.4:80',
    'fe80::1%eth0',
    '[::1]',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '12345::',
    '::1.2.3',
    ':1::',
    '1:2:3:4:5:6:7:8::',
    '١.٢.٣.٤',
    '::ffff:1.2.3.4.5',
    'a'.repeat(1_000),
  ])
    assert.equal(parseAddress(text), null, text)
})

test('a range that says less than it seems to is refused with what may be meant', () => {
  assert.match(parseAddressRange('10.1.2.3/8').problem ?? '', /write 10\.0\.0\.0\/8, or the single address/)
  for (const text of [
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '::/129',
    '::ffff:1.2.3.4/90',
    '/8',
    'x/8',
  ])
    assert.notEqual(parseAddressRange(text).problem, null, text)
})

test('a range is written in one way only (RFC 5952)', () => {
  for (const [text, canonical] of [
    ['192.0.2.1', '192.0.2.1/32'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1/128'],
    ['2001:db8:0:1:0:0:0:0/64', '2001:db8:0:1::/64'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3/128'],
    ['::/0', '::/0'],
    ['::ffff:192.0.2.0/120', '192.0.2.0/24'],
  ] as const)
    assert.deepEqual(rangesOf(text).map(formatAddressRange), [canonical])
})

test('on every text node:net agrees about what is an address, zones apart', () => {
  const part = fc.constantFrom(
    '0',
    '1',
    '255',
    '256',
    'ffff',
    'A',
    ':',
    '::',
    '.',
    '1.2.3.4',
    '::ffff:',
    '00',
  )
  const text = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.array(part, { maxLength: 12 }).map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(text, (input) => {
      assert.equal(parseAddress(input) !== null, isIPv4(input) || isIPv6(input), input)
    }),
    { numRuns: 3_000 },
  )
})

test('on every address and prefix node:net agrees about what is in a range', () => {
  const family = fc.constantFrom(4, 6)
  fc.assert(
    fc.property(
      family,
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      fc.nat(),
      fc.nat(),
      (kind, random, length, flip) => {
        const bytes = random.slice(0, kind === 4 ? 4 : 16)
        if (kind === 6) bytes[0] = 0x20
        const prefix = length % (bytes.length * 8 + 1)
        const other = bytes.slice()
        const bit = flip % (bytes.length * 8)
        other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7))
        if (kind === 6) other[0] = 0x20
        const text = (address: Uint8Array): string =>
          formatAddressRange({ bytes: address, prefix: address.length * 8 }).split('/')[0] ?? ''
        const blocks = new BlockList()
        blocks.addSubnet(text(bytes), prefix, kind === 4 ? 'ipv4' : 'ipv6')
        const masked = bytes.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, prefix - i * 8))))
        const expected = blocks.check(text(other), kind === 4 ? 'ipv4' : 'ipv6')
        assert.equal(isInRanges([{ bytes: masked, prefix }], other), expected)
      },
    ),
    { numRuns: 2_000 },
  )
})
