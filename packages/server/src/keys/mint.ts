import {
  type Environment,
  formatApiKey,
  keyDigestInput,
  type KeyKind,
  LOCATOR_LENGTH,
  randomBase62,
  SECRET_LENGTH,
} from '@keystead/protocol/api-key'
import { hashText } from '../hash.ts'
import type { Random } from '../random.ts'
import { Secret } from '../secret.ts'

export interface Minted {
  /** The whole key text, to be shown once. */
  readonly text: Secret<string>
  /** What is stored: base64url SHA-256 over locator and secret. */
  readonly digest: string
}

/** A fresh public locator: 71 random bits. */
export function newLocator(random: Random): string {
  return randomBase62(LOCATOR_LENGTH, random)
}

/** Makes one version of a key: 190 random bits. Plain key text exists nowhere else in the server. */
export function mint(
  key: {
    readonly brand: string
    readonly kind: KeyKind
    readonly environment: Environment | null
    readonly locator: string
  },
  random: Random,
): Minted {
  const secret = randomBase62(SECRET_LENGTH, random)
  // A root key that is bound to no environment acts in production too, and says so.
  const environment = key.environment ?? 'production'
  return {
    text: new Secret(formatApiKey({ ...key, environment, secret })),
    digest: hashText(keyDigestInput(key.locator, secret)),
  }
}
