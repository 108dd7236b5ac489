import { type AddressRange, isInRanges, parseAddress } from '@keystead/protocol/address'
import type { Server, Socket } from 'node:net'

/** What one client, and all of them together, may take of the server. */
export interface HttpLimits {
  /** A client that needs longer for its header, or for its whole request, holds a socket for nothing. */
  readonly headersMs: number
  readonly requestMs: number
  /** File descriptors are 1,024 on many systems; the store and its friends need a few. */
  readonly connections: number
  /** So that one address cannot take them all. Proxies that are trusted speak for many, and may. */
  readonly connectionsOfAddress: number
}

export const HTTP_LIMITS: HttpLimits = {
  headersMs: 10_000,
  requestMs: 30_000,
  connections: 900,
  connectionsOfAddress: 200,
}

/** Turns connections away that are more than the server, or their address, may have, before anything of them is read. */
export function limitConnections(
  server: Server,
  limits: HttpLimits,
  trustedProxies: readonly AddressRange[],
  turnedAway: (why: 'all' | 'address') => void,
): void {
  const counts = new Map<string, number>()
  server.maxConnections = limits.connections
  server.on('drop', () => turnedAway('all'))
  server.on('connection', (socket: Socket) => {
    const peer = socket.remoteAddress ?? ''
    const address = parseAddress(peer)
    if (address !== null && isInRanges(trustedProxies, address)) return
    const count = (counts.get(peer) ?? 0) + 1
    if (count > limits.connectionsOfAddress) {
      turnedAway('address')
      socket.destroy()
      return
    }
    counts.set(peer, count)
    socket.once('close', () => {
      const left = (counts.get(peer) ?? 1) - 1
      if (left === 0) counts.delete(peer)
      else counts.set(peer, left)
    })
  })
}
