import { type Api, UnexpectedAnswer } from './api.ts'
import type { Entry, Observed } from './crash-ledger.ts'

/** Evenly distributed in [0, 1). */
export type Dice = () => number

/** mulberry32: small, and the same run for the same seed. */
export function dice(seed: number): Dice {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

interface KeyAnswer {
  readonly id: string
  readonly version: number
  readonly state: string
  readonly name: string
  readonly permissions: readonly string[]
  readonly versions: readonly { readonly number: number }[]
}

interface OwnerAnswer {
  readonly id: string
  readonly version: number
  readonly name: string
}

interface Issued {
  readonly key: KeyAnswer
  readonly secret: string
}

function observedKey(key: KeyAnswer): Observed {
  return {
    version: key.version,
    state: key.state,
    name: key.name,
    permissions: key.permissions.join(','),
    newest: key.versions[0]?.number ?? 0,
  }
}

function observedOwner({ version, name }: OwnerAnswer): Observed {
  return { version, name }
}

/** What the API says of an object now; null when it does not know it. */
export async function lookUp(api: Api, { type, id }: Entry): Promise<Observed | null> {
  const { status, text } = await api.send('GET', type === 'owner' ? `/v1/owners/${id}` : `/v1/keys/${id}`)
  if (status === 404) return null
  if (status !== 200) throw new UnexpectedAnswer('GET', id, status, text)
  return type === 'owner'
    ? observedOwner(JSON.parse(text) as OwnerAnswer)
    : observedKey(JSON.parse(text) as KeyAnswer)
}

/** One client: changes its own objects, one request at a time, until the server is gone. */
export class MutatingClient {
  readonly entries: Entry[] = []
  readonly touched = new Set<Entry>()
  acknowledged = 0
  readonly #name: string
  readonly #dice: Dice
  #made = 0

  constructor(name: string, random: Dice) {
    this.#name = name
    this.#dice = random
  }

  /**
   * Resolves when the connection breaks, or when the server says that it cannot reach its database. Throws for any other
   * answer that is not the asked-for change.
   */
  async run(api: Api): Promise<void> {
    for (;;) {
      try {
        await this.#change(api)
        this.acknowledged += 1
      } catch (error) {
        if (error instanceof UnexpectedAnswer && error.status !== 503) throw error
        return
      }
    }
  }

  async #change(api: Api): Promise<void> {
    const owner = this.#pick('owner', () => true)
    const key = this.#pick('api_key', ({ acknowledged }) => acknowledged['state'] === 'active')
    const choice = this.#dice()
    if (owner === null || choice < 0.1) return this.#createOwner(api)
    if (choice < 0.25) return this.#renameOwner(api, owner)
    if (key === null || choice < 0.6) return this.#createKey(api, owner)
    if (choice < 0.75) return this.#rotate(api, key)
    if (choice < 0.9) return this.#update(api, key)
    return this.#revoke(api, key)
  }

  async #createOwner(api: Api): Promise<void> {
    const externalId = this.#newName()
    const owner = await api.json<OwnerAnswer>('POST', '/v1/owners', { externalId, name: externalId })
    this.#add({
      type: 'owner',
      id: owner.id,
      acknowledged: { version: 1, name: externalId },
      pending: null,
      secret: null,
    })
  }

  async #renameOwner(api: Api, owner: Entry): Promise<void> {
    const name = this.#newName()
    await this.#alter(owner, { name }, () => api.json('PATCH', `/v1/owners/${owner.id}`, { name }))
  }

  async #createKey(api: Api, owner: Entry): Promise<void> {
    const name = this.#newName()
    const body = { environment: 'production', ownerId: owner.id, name, permissions: ['market:read'] }
    const { key, secret } = await api.json<Issued>('POST', '/v1/keys', body)
    const acknowledged = { version: 1, state: 'active', name, permissions: 'market:read', newest: 1 }
    this.#add({ type: 'api_key', id: key.id, acknowledged, pending: null, secret })
  }

  async #rotate(api: Api, key: Entry): Promise<void> {
    const newest = Number(key.acknowledged['newest']) + 1
    const { secret } = await this.#alter(key, { newest }, () =>
      api.json<Issued>('POST', `/v1/keys/${key.id}/rotate`, { overlapSeconds: 0 }),
    )
    key.secret = secret
  }

  async #update(api: Api, key: Entry): Promise<void> {
    const permissions = ['market:read', `plan-${Math.floor(this.#dice() * 1_000)}:read`]
    await this.#alter(key, { permissions: permissions.join(',') }, () =>
      api.json('PATCH', `/v1/keys/${key.id}`, { permissions }),
    )
  }

  async #revoke(api: Api, key: Entry): Promise<void> {
    const compromised = this.#dice() < 0.5
    const reason = compromised ? 'keyCompromise' : 'superseded'
    await this.#alter(key, { state: compromised ? 'compromised' : 'deactivated' }, () =>
      api.json('POST', `/v1/keys/${key.id}/revoke`, { reason }),
    )
  }

  /** Keeps what was asked for as pending until the answer is there; for ever when it does not come. */
  async #alter<Result>(entry: Entry, change: Observed, ask: () => Promise<Result>): Promise<Result> {
    const { acknowledged } = entry
    entry.pending = { ...acknowledged, ...change, version: Number(acknowledged['version']) + 1 }
    this.touched.add(entry)
    const result = await ask().catch((error: unknown) => {
      // Only an answer that leaves it open may be followed by either state.
      const isUndone = error instanceof UnexpectedAnswer && !error.text.includes('storage.unconfirmed')
      if (isUndone) entry.pending = null
      throw error
    })
    entry.acknowledged = entry.pending
    entry.pending = null
    return result
  }

  #add(entry: Entry): void {
    this.entries.push(entry)
    this.touched.add(entry)
  }

  #newName(): string {
    return `${this.#name}-${this.#made++}`
  }

  #pick(type: Entry['type'], wanted: (entry: Entry) => boolean): Entry | null {
    const candidates = this.entries.filter((entry) => entry.type === type && wanted(entry))
    return candidates[Math.floor(this.#dice() * candidates.length)] ?? null
  }
}
