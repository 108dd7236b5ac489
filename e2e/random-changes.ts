import { type Api, UnexpectedAnswer } from './api.ts'
import type { Dice } from './dice.ts'

interface Created {
  readonly id: string
}

/** Refusals that random changes run into: a key that has ended, a role that has, a value that is as it was. */
const EXPECTED_STATUS = new Set([400, 404, 409])

/** Makes random changes of every kind through the API, some of which are refused. */
export class RandomChanges {
  readonly #api: Api
  readonly #dice: Dice
  readonly #owners: string[] = []
  readonly #keys: string[] = []
  readonly #roles: string[] = []
  readonly #rootKeys: string[] = []
  #made = 0
  refused = 0

  constructor(api: Api, random: Dice) {
    this.#api = api
    this.#dice = random
  }

  /** Throws for an answer that no random change should get. */
  async make(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      try {
        await this.#change()
      } catch (error) {
        if (!(error instanceof UnexpectedAnswer) || !EXPECTED_STATUS.has(error.status)) throw error
        this.refused += 1
      }
    }
  }

  async #change(): Promise<void> {
    const owner = this.#pick(this.#owners)
    const key = this.#pick(this.#keys)
    const role = this.#pick(this.#roles)
    const rootKey = this.#pick(this.#rootKeys)
    const name = `näme ${this.#made++} \u{1f511} "x"\\`
    const choice = this.#dice()
    if (owner === null || choice < 0.08)
      return this.#create(this.#owners, '/v1/owners', { externalId: `customer-${this.#made}`, name })
    if (role === null || choice < 0.12)
      return this.#create(this.#roles, '/v1/roles', { name: `role-${this.#made}`, permissions: ['market:*'] })
    if (key === null || choice < 0.4) {
      const body = { environment: 'production', ownerId: owner, name, permissions: ['market:read'] }
      const more = choice < 0.25 ? { roles: [role], allowedAddresses: ['192.0.2.0/24', '2001:db8::/32'] } : {}
      return this.#create(this.#keys, '/v1/keys', { ...body, ...more })
    }
    if (rootKey === null || choice < 0.43) {
      const body = {
        environment: 'production',
        permissions: ['keys:verify'],
        expiresAt: Date.now() + 3_600_000,
      }
      return this.#create(this.#rootKeys, '/v1/root-keys', body)
    }
    const changes: readonly (readonly [method: string, path: string, body: object])[] = [
      ['PATCH', `/v1/owners/${owner}`, { metadata: { tier: name } }],
      ['PATCH', `/v1/roles/${role}`, { permissions: ['market:read', `plan-${this.#made}:read`] }],
      ['PATCH', `/v1/keys/${key}`, { name }],
      ['POST', `/v1/keys/${key}/rotate`, { overlapSeconds: 60 }],
      ['POST', `/v1/keys/${key}/suspend`, { reason: 'customerRequest' }],
      ['POST', `/v1/keys/${key}/resume`, {}],
      ['POST', `/v1/keys/${key}/revoke`, { reason: choice < 0.7 ? 'superseded' : 'keyCompromise' }],
      ['POST', `/v1/root-keys/${rootKey}/rotate`, { overlapSeconds: 0 }],
      ['POST', `/v1/root-keys/${rootKey}/revoke`, { reason: 'unspecified' }],
      ...(choice > 0.97 ? ([['POST', `/v1/roles/${role}/deactivate`, {}]] as const) : []),
    ]
    const [method, path, body] = this.#pick(changes) ?? ['GET', '/v1/projects', {}]
    await this.#api.json(method, path, body)
  }

  async #create(into: string[], path: string, body: object): Promise<void> {
    const made = await this.#api.json<Created & { readonly key?: Created }>('POST', path, body)
    into.push(made.key?.id ?? made.id)
  }

  #pick<T>(from: readonly T[]): T | null {
    return from[Math.floor(this.#dice() * from.length)] ?? null
  }
}
