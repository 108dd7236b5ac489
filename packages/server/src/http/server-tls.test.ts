import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { StartError } from '../errors.ts'
import { jsonLog } from '../log.ts'
import { DAY, openWorld, temporaryFolder } from '../world.test-support.ts'
import { servicesOf } from './api.test-support.ts'
import { createHttpServer, type HttpServer } from './server.ts'
import { readTlsIdentity, type TlsFiles, type TlsIdentity, TlsRenewal } from '../tls.ts'

/** A new self-signed certificate for 127.0.0.1 and its key, in two files. */
function newFiles(folder: string, name: string, days = 30): TlsFiles {
  const files = { certificateFile: join(folder, `${name}.crt`), keyFile: join(folder, `${name}.key`) }
  const options = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    String(days),
  ]
  const about = ['-subj', '/CN=keystead', '-addext', 'subjectAltName=IP:127.0.0.1']
  const to = ['-keyout', files.keyFile, '-out', files.certificateFile]
  execFileSync('openssl', ['req', '-x509', ...options, ...about, ...to], { stdio: 'ignore' })
  chmodSync(files.keyFile, 0o600)
  return files
}

function replace(files: TlsFiles, by: TlsFiles): void {
  copyFileSync(by.certificateFile, files.certificateFile)
  copyFileSync(by.keyFile, files.keyFile)
}

interface Served {
  readonly server: HttpServer
  readonly port: number
  readonly bootstrap: string
}

async function serve(t: TestContext, identity: TlsIdentity): Promise<Served> {
  const world = await openWorld(t)
  const { log, bootstrap } = world
  const server = createHttpServer(servicesOf(t, world), log, () => null, identity)
  t.after(async () => server.close())
  return { server, port: await server.listen('127.0.0.1', 0), bootstrap }
}

async function handshake(port: number, options: object): Promise<TLSSocket | Error> {
  return new Promise((done) => {
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
    socket.once('secureConnect', () => done(socket)).once('error', done)
  })
}

async function shownCertificate(port: number): Promise<string> {
  const socket = await handshake(port, {})
  assert.ok(!(socket instanceof Error), 'no handshake')
  const { fingerprint256 } = socket.getPeerCertificate()
  socket.destroy()
  return fingerprint256
}

async function statusOf(served: Served, agent: Agent): Promise<number> {
  return new Promise((done, failed) => {
    const headers = { authorization: `Bearer ${served.bootstrap}` }
    request({ host: '127.0.0.1', port: served.port, path: '/v1/projects', headers, agent }, (response) => {
      response.resume().on('end', () => done(response.statusCode ?? 0))
    })
      .on('error', failed)
      .end()
  })
}

test('the API is served in TLS 1.3 to whoever trusts the certificate, and in nothing older', async (t) => {
  const files = newFiles(temporaryFolder(t), 'a')
  const served = await serve(t, readTlsIdentity(files))
  const trusting = new Agent({ ca: readFileSync(files.certificateFile) })
  t.after(() => trusting.destroy())
  assert.equal(await statusOf(served, trusting), 200)
  await assert.rejects(statusOf(served, new Agent()), /self-signed/)
  const old = await handshake(served.port, { maxVersion: 'TLSv1.2' })
  assert.ok(old instanceof Error && /version|alert/i.test(old.message), 'an older version was spoken')
})

test('plain HTTP to a TLS port is answered with nothing at all', async (t) => {
  const served = await serve(t, readTlsIdentity(newFiles(temporaryFolder(t), 'a')))
  const received = await new Promise<string>((done) => {
    let text = ''
    const socket = connect({ port: served.port, host: '127.0.0.1' }, () =>
      socket.write('GET /livez HTTP/1.1\r\nhost: x\r\n\r\n'),
    )
    socket.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')))
    socket.on('error', () => undefined).on('close', () => done(text))
  })
  assert.doesNotMatch(received, /HTTP|status|ok/)
})

test('a renewed certificate is shown to new connections, old ones go on, and a broken one changes nothing', async (t) => {
  const folder = temporaryFolder(t)
  const [files, next, other] = [newFiles(folder, 'a'), newFiles(folder, 'b'), newFiles(folder, 'c')]
  const first = readTlsIdentity(files)
  const served = await serve(t, first)
  const lines: string[] = []
  const renewal = new TlsRenewal(
    files,
    first,
    Date.now,
    jsonLog((line) => lines.push(line), Date.now),
  )
  const look = () => renewal.look((identity) => served.server.renew(identity))
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: readFileSync(files.certificateFile) })
  t.after(() => agent.destroy())
  assert.equal(await statusOf(served, agent), 200)
  const fingerprintOf = ({ cert }: TlsIdentity) => new X509Certificate(cert).fingerprint256
  look()
  assert.equal(await shownCertificate(served.port), fingerprintOf(first))

  replace(files, next)
  look()
  assert.equal(await shownCertificate(served.port), fingerprintOf(readTlsIdentity(next)))
  assert.equal(await statusOf(served, agent), 200, 'on the connection that was open')

  copyFileSync(other.certificateFile, files.certificateFile)
  look()
  writeFileSync(files.certificateFile, 'half a certif')
  look()
  chmodSync(files.keyFile, 0o644)
  look()
  assert.equal(await shownCertificate(served.port), fingerprintOf(readTlsIdentity(next)))
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { event: string }).event),
    ['tls.renewed', 'tls.not_renewed', 'tls.not_renewed', 'tls.not_renewed'],
  )
})

test('files that are no certificate with its key end a start with one line that names them', (t) => {
  const folder = temporaryFolder(t)
  const [files, other] = [newFiles(folder, 'a'), newFiles(folder, 'b')]
  const junk = join(folder, 'junk')
  writeFileSync(junk, 'junk', { mode: 0o600 })
  const wrong: readonly TlsFiles[] = [
    { ...files, certificateFile: join(folder, 'absent') },
    { ...files, keyFile: join(folder, 'absent') },
    { ...files, keyFile: other.keyFile },
    { ...files, certificateFile: junk },
    { ...files, keyFile: junk },
  ]
  for (const each of wrong)
    assert.throws(
      () => readTlsIdentity(each),
      (error) =>
        error instanceof StartError && error.message.includes(folder) && !error.message.includes('\n'),
    )
  chmodSync(files.keyFile, 0o640)
  assert.throws(() => readTlsIdentity(files), /chmod 600/)
})

test('a certificate that ends soon is named once a day', (t) => {
  const files = newFiles(temporaryFolder(t), 'a', 10)
  const lines: string[] = []
  let now = Date.now()
  const clock = () => now
  const renewal = new TlsRenewal(
    files,
    readTlsIdentity(files),
    clock,
    jsonLog((line) => lines.push(line), clock),
  )
  for (let i = 0; i < 3; i++) renewal.look(() => assert.fail('nothing is new'))
  now += DAY
  renewal.look(() => assert.fail('nothing is new'))
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { event: string }).event),
    ['tls.expires_soon', 'tls.expires_soon'],
  )
})
