// RFC 8446 (TLS 1.3)
import type { Config } from '@keystead/settings/config'
import { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { Clock } from './clock.ts'
import { reasonOf, StartError } from './errors.ts'
import type { Log } from './log.ts'
import { readNamedFile, readSecretFile } from './secret-file.ts'

const DAY_MS = 86_400_000
const EXPIRES_SOON_MS = 14 * DAY_MS

/** Where a certificate and its key are; whoever renews them writes new ones to the same paths. */
export type TlsFiles = NonNullable<Config['tls']>

/** A certificate that fits its key, as PEM. */
export interface TlsIdentity {
  readonly cert: string
  readonly key: string
  /** Epoch milliseconds at which the certificate ends. */
  readonly expiresAt: number
}

/**
 * What the files hold now. StartError, with what to do, when they cannot be read, hold no certificate or key, do not
 * belong together, or when others can read the key. NOT checked: names and issuer, which are for the clients to judge.
 */
export function readTlsIdentity({ certificateFile, keyFile }: TlsFiles): TlsIdentity {
  const cert = readNamedFile(certificateFile)
  const key = readSecretFile(keyFile)
  try {
    createSecureContext({ cert, key, minVersion: 'TLSv1.3' })
  } catch (cause) {
    throw new StartError(
      `${certificateFile} and ${keyFile} are no certificate with its key: give a PEM certificate, the issuers after it, and the PEM key that belongs to it.`,
      { cause },
    )
  }
  return { cert, key, expiresAt: new X509Certificate(cert).validToDate.getTime() }
}

/**
 * Looks whether the files hold something new, and hands it on. What cannot be used is said in the log, and the
 * certificate that is served stays; so is one that ends within two weeks, at each look of another day.
 */
export class TlsRenewal {
  readonly #files: TlsFiles
  readonly #log: Log
  readonly #clock: Clock
  #identity: TlsIdentity
  #warnedOn = -1

  constructor(files: TlsFiles, identity: TlsIdentity, clock: Clock, log: Log) {
    this.#files = files
    this.#identity = identity
    this.#clock = clock
    this.#log = log
  }

  look(renew: (identity: TlsIdentity) => void): void {
    try {
      const next = readTlsIdentity(this.#files)
      if (next.cert !== this.#identity.cert || next.key !== this.#identity.key) {
        renew(next)
        this.#identity = next
        this.#log('info', 'tls.renewed', { expiresAt: next.expiresAt })
      }
    } catch (error) {
      this.#log('warn', 'tls.not_renewed', { reason: reasonOf(error) })
    }
    const { expiresAt } = this.#identity
    const now = this.#clock()
    const day = Math.floor(now / DAY_MS)
    if (expiresAt - now >= EXPIRES_SOON_MS || day === this.#warnedOn) return
    this.#warnedOn = day
    this.#log('warn', 'tls.expires_soon', { expiresAt })
  }
}
