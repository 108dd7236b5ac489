/** Decisions on texts that are not of our own format: keys that were imported from another system by their hashes. */
import { createSecretKey, type KeyObject } from 'node:crypto'
import type { Environment } from '@keystead/protocol/api-key'
import { equalInConstantTime } from '@keystead/protocol/constant-time'
import {
  type Decision,
  decideFound,
  decideProven,
  NOT_FOUND,
  type Question,
  UNPROVABLE_DIGEST,
} from '@keystead/protocol/decision'
import type { Domain } from '../domain.ts'
import { DomainError } from '../errors.ts'
import type { ProjectId } from '../ids.ts'
import { fastRef, importedVersion, slowRef, textDigest } from '../keys/import/digests.ts'
import { fastHash, isFast } from '../keys/import/fast-hash.ts'
import { readForeignText } from '../keys/import/foreign-text.ts'
import { hashContext } from '../keys/import/import.ts'
import { SlowHashesBusy, type SlowHashes } from '../keys/import/slow/pool.ts'
import { parseSlowHash } from '../keys/import/slow/phc.ts'
import { secretContext } from '../keys/import/source.ts'
import type { Upgrades } from '../keys/import/upgrades.ts'
import type { ImportSource } from '../storage/records.ts'
import type { KeyIndex } from './index.ts'

/** A question from one project and environment: foreign texts mean nothing anywhere else. */
export interface PlacedQuestion extends Question {
  readonly projectId: ProjectId
  readonly environment: Environment
}

/** A text that has led to a key whose slow hash is still to be compared. */
interface Candidate {
  readonly source: ImportSource
  readonly ref: string
  readonly hashed: string
}

export interface ForeignParts {
  readonly domain: Pick<Domain, 'store' | 'cipher' | 'clock'>
  readonly index: KeyIndex
  readonly slowHashes: SlowHashes
  readonly upgrades: Upgrades
}

/**
 * Nothing is asked of a database or another thread but for a key with a slow hash that has not been used yet; every other
 * text, whatever it is, costs one hash and one for each fast source of the environment. That such a key exists shows in
 * the time that it takes, to whoever knows its look-up part (T-31).
 */
export class ForeignTexts {
  readonly #parts: ForeignParts
  readonly #hmacKeys = new Map<string, KeyObject>()

  constructor(parts: ForeignParts) {
    this.#parts = parts
  }

  /**
   * Rejects with `verification.busy` when too many slow hashes wait, `storage.integrity` when a stored hash or key is not
   * what was written, `storage.unavailable`.
   */
  decide(question: PlacedQuestion): Decision | Promise<Decision> {
    const { index, upgrades } = this.#parts
    const sources = index.importSources(question.projectId, question.environment)
    if (sources.length === 0) return NOT_FOUND
    const digest = textDigest(question, question.text)
    const upgraded = decideFound(question, index.lookupImported(digest), digest)
    if (upgraded.record !== null) return upgraded
    const candidates: Candidate[] = []
    for (const source of sources) {
      const read = readForeignText(source, question.text)
      if (read === null) continue
      if (isFast(source.algorithm)) {
        const hash = fastHash(source.algorithm, this.#hmacKey(source), read.hashed)
        const ref = fastRef(source.id, read.lookup, hash)
        const decision = decideFound(question, index.lookupImported(ref), ref)
        if (decision.code === 'VALID' && decision.record !== null)
          upgrades.note(decision.record.keyId, question, digest)
        if (decision.record !== null) return decision
      } else {
        const ref = slowRef(source.id, read.lookup ?? '')
        const record = index.lookupImported(ref)
        if (record !== undefined && importedVersion(record)?.digest === UNPROVABLE_DIGEST)
          candidates.push({ source, ref, hashed: read.hashed })
      }
    }
    return candidates.length === 0 ? NOT_FOUND : this.#decideSlowly(question, digest, candidates)
  }

  async #decideSlowly(
    question: PlacedQuestion,
    digest: string,
    candidates: readonly Candidate[],
  ): Promise<Decision> {
    const { domain, index, upgrades } = this.#parts
    for (const candidate of candidates) {
      const found = index.lookupImported(candidate.ref)
      if (found === undefined || !(await this.#isProven(candidate, found.keyId, digest))) continue
      // As it is now: it may have been revoked while the hash was made.
      const record = index.lookupImported(candidate.ref)
      const version = record === undefined ? undefined : importedVersion(record)
      if (record === undefined || version === undefined || record.keyId !== found.keyId) continue
      if (version.digest !== UNPROVABLE_DIGEST && version.digest !== digest) continue
      const decision = decideProven({ ...question, now: domain.clock() }, record, version)
      if (decision.code === 'VALID') upgrades.note(record.keyId, question, digest)
      return decision
    }
    return decideFound({ ...question, now: domain.clock() }, index.lookupImported(digest), digest)
  }

  async #isProven({ source, hashed }: Candidate, keyId: string, digest: string): Promise<boolean> {
    const { domain, slowHashes, upgrades } = this.#parts
    const waiting = upgrades.digestOf(keyId)
    if (waiting !== undefined) return equalInConstantTime(waiting, digest)
    const key = await domain.store.reader.key(keyId)
    const sealed = key?.imported?.hash ?? null
    // It has been upgraded meanwhile: then the digest of its text says all.
    if (key === null || sealed === null) return false
    const bytes = domain.cipher.decrypt(hashContext(key.id), sealed)
    const stored = bytes === null ? '' : Buffer.from(bytes).toString()
    const hash = isFast(source.algorithm) ? null : parseSlowHash(source.algorithm, stored)
    if (hash === null) throw new DomainError('storage.integrity')
    try {
      return await slowHashes.check({ sourceId: source.id, keyId, hash, text: hashed })
    } catch (error) {
      if (error instanceof SlowHashesBusy) throw new DomainError('verification.busy')
      throw error
    }
  }

  #hmacKey({ id, secret }: ImportSource): KeyObject | null {
    if (secret === null) return null
    const known = this.#hmacKeys.get(id)
    if (known !== undefined) return known
    const bytes = this.#parts.domain.cipher.decrypt(secretContext(id), secret)
    if (bytes === null) throw new DomainError('storage.integrity')
    const key = createSecretKey(bytes)
    this.#hmacKeys.set(id, key)
    return key
  }
}
