import { type Address, type AddressRange, isInRanges, parseAddress } from '@keystead/protocol/address'

/** More hops than this is a loop or an attack. */
const HOPS_MAX = 32

/**
 * The address that a request came from, by X-Forwarded-For: from the connection's peer leftwards, the first one that is
 * no trusted proxy. What stands further left was said by the client itself, who can write anything there (T-26). Null
 * where that cannot be told: an element that is no address, or nobody but trusted proxies.
 */
export function clientAddress(
  peer: string | undefined,
  forwardedFor: string | undefined,
  trusted: readonly AddressRange[],
): Address | null {
  const hops = forwardedFor === undefined ? [] : forwardedFor.split(',', HOPS_MAX + 1)
  if (hops.length > HOPS_MAX) return null
  for (const hop of [...hops, peer ?? ''].toReversed()) {
    const address = parseAddress(hop.trim())
    if (address === null || !isInRanges(trusted, address)) return address
  }
  return null
}
