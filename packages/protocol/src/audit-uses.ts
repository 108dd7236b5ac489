// RFC 6962 section 2.1: what the log says of the use of keys, and the records of it that are exported
import type { AuditEvent } from './audit-event.ts'
import type { FilesCheck } from './audit-files.ts'
import { leafName } from './audit-leaves.ts'
import type { CheckResult } from './audit-report.ts'
import type { Sha256 } from './hash.ts'
import { readUseBatch, readUseClosing, type UseBatch, usePath, wrongWithUse } from './use-batch.ts'
import { readUse } from './use-record.ts'

interface Told {
  batches: number
  records: number
  dropped: number
  isClosed: boolean
}

/**
 * Checks that the batches of each boot are numbered without gaps and add up to what its end says, and that each batch
 * whose records are in the export is the one that its leaf names. Records that are not there are no problem, since they
 * are kept for a time only; how many uses were dropped and which boots have no end is said, not judged.
 */
export class UseCheck {
  readonly #check: CheckResult
  readonly #sha256: Sha256
  readonly #readFile: (path: string) => Promise<Uint8Array | null>
  readonly #files: FilesCheck
  readonly #boots = new Map<string, Told>()
  #batches = 0
  #found = 0

  constructor(
    check: CheckResult,
    { readFile, sha256 }: { readFile: (path: string) => Promise<Uint8Array | null>; sha256: Sha256 },
    files: FilesCheck,
  ) {
    this.#check = check
    this.#readFile = readFile
    this.#sha256 = sha256
    this.#files = files
  }

  /** Takes the event at `position`; those that are not about uses are let pass. */
  async add(event: AuditEvent, position: number, leaf: Uint8Array): Promise<void> {
    if (event.action !== 'use.recorded' && event.action !== 'use.closed') return
    const what = event.action === 'use.recorded' ? await this.#addBatch(event) : this.#addClosing(event)
    if (what !== null) this.#check.problem(position, `${leafName(position, leaf)}: ${what}`)
  }

  /** Says that there are no more leaves. */
  finish(): void {
    const boots = [...this.#boots.values()]
    const sum = (of: (told: Told) => number): number => boots.reduce((total, told) => total + of(told), 0)
    const open = boots.filter(({ isClosed }) => !isClosed).length
    this.#check.finish(
      this.#boots.size === 0
        ? 'no use was recorded'
        : `${sum((told) => told.records)} uses in ${this.#batches} batches, the records of ${this.#found} are here; ` +
            `${sum((told) => told.dropped)} dropped; ${open} of ${boots.length} boots have no end`,
    )
  }

  /** Says that the rest of the leaves could not be read. */
  abandon(): void {
    this.#check.abandon(`only ${this.#batches} batches could be checked`)
  }

  async #addBatch(event: AuditEvent): Promise<string | null> {
    const batch = readUseBatch(event)
    if (batch === null || !isAbout(event, batch.boot)) return 'does not say what a batch of uses must'
    this.#batches += 1
    const path = usePath(batch)
    this.#files.expect(path)
    const told = this.#told(batch.boot)
    const expected = told.batches + 1
    const isClosed = told.isClosed
    // Go on from what the leaf claims: one gap is one problem.
    told.batches = batch.batchNumber
    told.records += batch.count
    told.dropped += batch.dropped
    if (isClosed) return `comes after the end of ${batch.boot}`
    if (batch.batchNumber !== expected) return `has batch ${batch.batchNumber} where ${expected} must follow`
    const bytes = await this.#readFile(path)
    if (bytes === null) return null
    this.#found += 1
    const wrong = wrongWithUse(this.#sha256, batch, bytes) ?? wrongRecord(batch, bytes)
    return wrong === null ? null : `${path} ${wrong}`
  }

  #addClosing(event: AuditEvent): string | null {
    const closing = readUseClosing(event)
    if (closing === null || !isAbout(event, closing.boot)) return 'does not say what the end of a boot must'
    const told = this.#told(closing.boot)
    if (told.isClosed) return `comes after the end of ${closing.boot}`
    told.isClosed = true
    return closing.batches === told.batches &&
      closing.records === told.records &&
      closing.dropped === told.dropped
      ? null
      : `says ${closing.batches} batches, ${closing.records} records, ${closing.dropped} dropped, ` +
          `but there were ${told.batches}, ${told.records}, ${told.dropped}`
  }

  #told(boot: string): Told {
    const known = this.#boots.get(boot)
    if (known !== undefined) return known
    const told = { batches: 0, records: 0, dropped: 0, isClosed: false }
    this.#boots.set(boot, told)
    return told
  }
}

/** What a leaf says of a boot is said by that boot, and changes its emitter and nothing else. */
function isAbout({ boot, targets }: AuditEvent, of: string): boolean {
  return boot === of && targets.length === 1 && targets[0]?.type === 'use_emitter' && targets[0].id === of
}

function wrongRecord(batch: UseBatch, bytes: Uint8Array): string | null {
  for (let index = 0; index < batch.count; index++) {
    const use = readUse(bytes, index)
    if (use === null || use.at < batch.from || use.at > batch.to) return `has no valid record at ${index}`
  }
  return null
}
