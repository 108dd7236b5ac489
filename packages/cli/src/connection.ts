import { type FileHandle, open } from 'node:fs/promises'
import { parseApiKey } from '@keystead/protocol/api-key'
import { CliFailure, EXIT, systemCode, usageFailure } from './failure.ts'

export const DEFAULT_URL = 'http://127.0.0.1:4440'
const DEFAULT_CREDENTIAL_FILE = './data/bootstrap-key'

const CREDENTIAL_ADVICE =
  'Name a file that holds a root key with --credential-file or KEYSTEAD_CREDENTIAL_FILE'

// A key has at most 74 characters; the rest is room for a line end, and stops us from reading a device for ever.
const KEY_FILE_BYTES_MAX = 4096

/** The server's address without path, query and fragment. Usage failure for what is no http(s) address. */
export function parseServerUrl(text: string): URL {
  const url = URL.parse(text)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw usageFailure('--url (KEYSTEAD_URL) must be an address such as https://keys.example.com')
  }
  if (url.username !== '' || url.password !== '') {
    throw usageFailure('--url (KEYSTEAD_URL) must not contain a user name or password')
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw usageFailure('--url (KEYSTEAD_URL) must end after the host and port')
  }
  return url
}

/** Refuses to let a secret travel in clear text to another machine (T: eavesdropping on the control plane). */
export function refuseClearText(url: URL, insecureHttp: boolean): void {
  if (url.protocol === 'https:' || isLoopback(url.hostname) || insecureHttp) return
  throw usageFailure(
    `refusing to send a credential over plain http to ${url.host}: use https, or --insecure-http on a network you trust`,
  )
}

/** Whether the host of a parsed URL can only be this machine. WHATWG parsing has normalised 127.1 and the like. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname)
}

/** The text of a key read from a file, and a warning when others can read the file. Failures have exit code 4. */
export async function readKeyFile(
  path: string,
): Promise<{ readonly text: string; readonly warning: string | null }> {
  await using file = await openKeyFile(path)
  const { mode } = await file.stat()
  const buffer = new Uint8Array(KEY_FILE_BYTES_MAX)
  const { bytesRead } = await readSome(file, buffer, path)
  const text = new TextDecoder().decode(buffer.subarray(0, bytesRead)).trim()
  const loose = (mode & 0o077) !== 0
  const octal = (mode & 0o777).toString(8).padStart(4, '0')
  return { text, warning: loose ? `${path} can be read by others (mode ${octal}): chmod 600 ${path}` : null }
}

/** The root key in `path`. Exit code 4 when it is missing, unreadable or holds no well-formed root key. */
export async function readCredential(
  path: string | undefined,
): Promise<{ readonly text: string; readonly warning: string | null }> {
  const found = await readKeyFile(path ?? DEFAULT_CREDENTIAL_FILE).catch((error: unknown) => {
    if (!(error instanceof CliFailure)) throw error
    throw new CliFailure(error.exitCode, `no credential: ${error.message}. ${CREDENTIAL_ADVICE}`, {
      cause: error,
    })
  })
  if (parseApiKey(found.text)?.kind !== 'root') {
    throw new CliFailure(EXIT.credential, `${path ?? DEFAULT_CREDENTIAL_FILE} holds no well-formed root key`)
  }
  return found
}

async function openKeyFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r')
  } catch (error) {
    const code = systemCode(error)
    const why = code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code ?? 'unknown error'})`
    throw new CliFailure(EXIT.credential, `no key in ${path}: ${why}`, { cause: error })
  }
}

async function readSome(
  file: FileHandle,
  buffer: Uint8Array,
  path: string,
): Promise<{ readonly bytesRead: number }> {
  try {
    return await file.read(buffer, 0, buffer.length, null)
  } catch (error) {
    throw new CliFailure(
      EXIT.credential,
      `${path} cannot be read (${systemCode(error) ?? 'unknown error'})`,
      {
        cause: error,
      },
    )
  }
}
