import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { systemCode, usageFailure } from './failure.ts'

/** What the top of an export holds; a state that was being written when the program ended is written anew. */
const EXPORTED: readonly string[] = [
  'checkpoint',
  'tile',
  'batch',
  'trust.policy',
  'state.jsonl',
  'state.jsonl.new',
  'use',
]

/** The folder of an export: made when missing; a folder with other things in it is refused (usage). */
export async function openExportFolder(folder: string): Promise<{ readonly checkpoint: string | null }> {
  try {
    await mkdir(folder, { recursive: true })
    const names = await readdir(folder)
    const foreign = names.find((name) => !EXPORTED.includes(name))
    if (foreign !== undefined) {
      throw usageFailure(`--to ${folder} is neither empty nor an export: it holds ${JSON.stringify(foreign)}`)
    }
    return { checkpoint: await readIfPresent(join(folder, 'checkpoint')) }
  } catch (error) {
    const code = systemCode(error)
    if (code === null) throw error
    throw usageFailure(`--to ${folder} cannot be used (${code})`)
  }
}

/** Whether a file is there and not empty. */
export async function isPresent(folder: string, path: string): Promise<boolean> {
  try {
    return (await stat(join(folder, path))).size > 0
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}

/** Writes a file whole or not at all: temporary file, flush, rename. */
export async function writeWhole(folder: string, path: string, bytes: Uint8Array | string): Promise<void> {
  const target = join(folder, path)
  await mkdir(dirname(target), { recursive: true })
  const temporary = `${target}.new`
  await using file = await open(temporary, 'w', 0o644)
  await file.writeFile(bytes)
  await file.sync()
  await rename(temporary, target)
}

/** Writes a file piece by piece, whole or not at all, as writeWhole does. */
export async function writePieces(
  folder: string,
  path: string,
  pieces: AsyncIterable<string>,
): Promise<void> {
  const target = join(folder, path)
  const temporary = `${target}.new`
  {
    await using file = await open(temporary, 'w', 0o600)
    for await (const piece of pieces) await file.appendFile(piece)
    await file.sync()
  }
  await rename(temporary, target)
}

/** Removes a file that may be there. */
export async function removeFile(folder: string, path: string): Promise<void> {
  await rm(join(folder, path), { force: true })
}

/** Removes what an earlier, shorter export needed and this one does not: partial tiles that have grown since. */
export async function removeOthers(folder: string, wanted: ReadonlySet<string>): Promise<void> {
  const entries = await readdir(join(folder, 'tile'), { recursive: true, withFileTypes: true })
  for (const entry of entries) {
    const path = relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/')
    if (entry.isFile() && !wanted.has(path)) await rm(join(folder, path))
  }
  // A tile `x` may replace the folder `x.p`, which is empty then.
  for (const entry of entries.filter((item) => item.isDirectory() && item.name.endsWith('.p'))) {
    const path = join(entry.parentPath, entry.name)
    if ((await readdir(path)).length === 0) await rm(path, { recursive: true })
  }
}

async function readIfPresent(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null
    throw error
  }
}
