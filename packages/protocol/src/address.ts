// RFC 4291 (IPv6 addresses), RFC 4632 (CIDR), RFC 5952 (how IPv6 is written)

/** An IPv4 address as 4 bytes, an IPv6 address as 16. IPv4-mapped IPv6 (`::ffff:1.2.3.4`) is IPv4. */
export type Address = Uint8Array

/** Every address that begins with the first `prefix` bits of `bytes`; the other bits are zero. */
export interface AddressRange {
  readonly bytes: Address
  readonly prefix: number
}

/** More than this is a network of its own: give the proxy in front of it an address. */
export const ADDRESS_RANGES_MAX = 64
/** The longest text of a range: an IPv6 address with an IPv4 tail, and `/128`. */
export const ADDRESS_LENGTH_MAX = 49

/**
 * Reads one address. Strict: four decimal numbers without leading zeros, or RFC 4291 section 2.2 without a zone. Null for
 * everything else, whatever some libraries would make of it.
 */
export function parseAddress(text: string): Address | null {
  if (text.length > ADDRESS_LENGTH_MAX) return null
  if (!text.includes(':')) return parseIpv4(text)
  const bytes = parseIpv6(text)
  return bytes !== null && isMapped(bytes) ? bytes.slice(12) : bytes
}

export type ParsedRange =
  | { readonly range: AddressRange; readonly problem: null }
  | { readonly range: null; readonly problem: string }

/** Reads `10.0.0.0/8`, `2001:db8::/32` or a single address. `problem` says what is wrong, and what may be meant. */
export function parseAddressRange(text: string): ParsedRange {
  const refuse = (problem: string): ParsedRange => ({ range: null, problem })
  const slash = text.indexOf('/')
  const bytes = parseAddress(slash === -1 ? text : text.slice(0, slash))
  if (bytes === null) return refuse('is not an address or range such as 203.0.113.0/24 or 2001:db8::/32')
  // The prefix of a mapped range counts the 96 bits in front of the IPv4 address.
  const isMappedText = bytes.length === 4 && text.includes(':')
  const widest = isMappedText ? 128 : bytes.length * 8
  const length = slash === -1 ? String(widest) : text.slice(slash + 1)
  const prefix = /^(0|[1-9]\d{0,2})$/.test(length) ? Number(length) - (isMappedText ? 96 : 0) : -1
  if (prefix < 0 || prefix > bytes.length * 8) return refuse(`has no prefix length from 0 to ${widest}`)
  const range = { bytes: masked(bytes, prefix), prefix }
  if (range.bytes.some((byte, i) => byte !== bytes[i]))
    return refuse(`has bits beyond its prefix: write ${formatAddressRange(range)}, or the single address`)
  return { range, problem: null }
}

/** The one way in which an address is written (RFC 5952). */
export function formatAddress(bytes: Address): string {
  return bytes.length === 4 ? bytes.join('.') : formatIpv6(bytes)
}

/** The one way in which a range is written (RFC 5952), always with its prefix. */
export function formatAddressRange({ bytes, prefix }: AddressRange): string {
  return `${formatAddress(bytes)}/${prefix}`
}

/** Whether the address lies in one of the ranges. IPv4 lies in no range of IPv6, and the other way round. */
export function isInRanges(ranges: readonly AddressRange[], address: Address): boolean {
  return ranges.some(({ bytes, prefix }) => {
    if (bytes.length !== address.length) return false
    const whole = prefix >> 3
    for (let i = 0; i < whole; i++) if (bytes[i] !== address[i]) return false
    const rest = prefix & 7
    return rest === 0 || (((bytes[whole] ?? 0) ^ (address[whole] ?? 0)) & (0xff00 >> rest) & 0xff) === 0
  })
}

function masked(bytes: Address, prefix: number): Address {
  return bytes.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, prefix - i * 8))) & 0xff)
}

function parseIpv4(text: string): Address | null {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1)
  if (parts === undefined) return null
  const isByte = (part: string): boolean => Number(part) <= 255 && (part === '0' || !part.startsWith('0'))
  return parts.every(isByte) ? Uint8Array.from(parts, Number) : null
}

function parseIpv6(text: string): Address | null {
  const halves = text.split('::')
  if (halves.length > 2) return null
  const [head, tail] = halves.map((half, i) => groupsOf(half, i === halves.length - 1))
  if (head === null || head === undefined || tail === null) return null
  const missing = 16 - head.length - (tail?.length ?? 0)
  // `::` stands for at least one group of zeros.
  if (tail === undefined ? missing !== 0 : missing < 2) return null
  return Uint8Array.from([...head, ...Array.from({ length: missing }, () => 0), ...(tail ?? [])])
}

/** The bytes of groups joined by single colons; at the end of an address the last may be IPv4. Empty for the empty text. */
function groupsOf(text: string, isEnd: boolean): number[] | null {
  if (text === '') return []
  const bytes: number[] = []
  const groups = text.split(':')
  for (const [i, group] of groups.entries()) {
    const ipv4 = isEnd && i === groups.length - 1 && group.includes('.') ? parseIpv4(group) : null
    if (ipv4 !== null) bytes.push(...ipv4)
    else if (/^[0-9a-fA-F]{1,4}$/.test(group))
      bytes.push(Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255)
    else return null
  }
  return bytes.length > 16 ? null : bytes
}

function isMapped(bytes: Address): boolean {
  return bytes.every((byte, i) => i >= 12 || byte === (i < 10 ? 0 : 255))
}

function formatIpv6(bytes: Address): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[i * 2] ?? 0) << 8) | (bytes[i * 2 + 1] ?? 0))
  const { start, length } = longestZeros(groups)
  const hex = groups.map((group) => group.toString(16))
  if (length < 2) return hex.join(':')
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`
}

/** The first longest run of zero groups (RFC 5952 section 4.2). */
function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  for (let start = 0; start < groups.length; start++) {
    let length = 0
    while (groups[start + length] === 0) length += 1
    if (length > best.length) best = { start, length }
  }
  return best
}
