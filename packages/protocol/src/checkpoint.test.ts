import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { requireOrSkip } from '../../../tools/required.ts'
import { base64Decode, base64Encode, hexEncode, utf8Encode } from './bytes.ts'
import {
  formatCheckpoint,
  formatVerifierKey,
  NoteError,
  noteKey,
  type NoteSigner,
  openNote,
  parseCheckpoint,
  parseVerifierKey,
  signNote,
} from './checkpoint.ts'
import { consistencyProof, Frontier, leafHash, verifyConsistency } from './merkle.ts'
import { HAS_VECTORS, readVector, sha256, verifyEd25519 } from './node-crypto.test-support.ts'
import { decodeEntries } from './tiles.ts'

const TESSERA_KEY = 'example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx'
const VECTORS_NAME = 'third-party vectors (KEYSTEAD_VECTORS)'

test('all 17 checkpoints of the tessera log verify and none does after any one character is changed', (t) => {
  if (!requireOrSkip(t, HAS_VECTORS, VECTORS_NAME)) return
  const key = parseVerifierKey(sha256, TESSERA_KEY)
  for (const note of tesseraNotes()) {
    const { text, signedBy } = openNote(note, [key], verifyEd25519)
    assert.deepEqual(signedBy, [key])
    const checkpoint = parseCheckpoint(text)
    assert.equal(checkpoint.origin, 'example.com/log/testdata')
    assert.equal(formatCheckpoint(checkpoint), text)
  }
  const [note = ''] = tesseraNotes()
  for (let at = 0; at < note.length; at++) {
    const changed = note.slice(0, at) + (note[at] === 'x' ? 'y' : 'x') + note.slice(at + 1)
    assert.throws(() => openNote(changed, [key], verifyEd25519), NoteError)
  }
})

test('the 16 tessera roots are recomputed from its entries, and each is consistent with every later one', (t) => {
  if (!requireOrSkip(t, HAS_VECTORS, VECTORS_NAME)) return
  const bundle = Buffer.from(readVector('tessera-log/tile/entries/000.p/15'))
  const nodes = new Map<string, Uint8Array>()
  const frontier = new Frontier(sha256)
  const roots = [frontier.root()]
  for (const [at, entry] of decodeEntries(bundle, 15).entries()) {
    nodes.set(`0/${at}`, leafHash(sha256, entry))
    for (const { level, index, hash } of frontier.append(leafHash(sha256, entry)))
      nodes.set(`${level}/${index}`, hash)
    roots.push(frontier.root())
  }
  const node = (level: number, index: number) =>
    nodes.get(`${level}/${index}`) ?? assert.fail('outside the tree')
  const signed = tesseraNotes().map((note) => parseCheckpoint(note.slice(0, note.indexOf('\n\n') + 1)))
  for (const old of signed) {
    assert.equal(hexEncode(old.root), hexEncode(roots[old.size] ?? assert.fail('no such size')))
    for (const young of signed.filter(({ size }) => old.size > 0 && size >= old.size)) {
      const proof = consistencyProof(sha256, old.size, young.size, node)
      assert.equal(verifyConsistency(sha256, old.size, young.size, proof, old.root, young.root), true)
    }
  }
})

test('a verifier key is read only in the one form in which it is written', () => {
  assert.equal(formatVerifierKey(parseVerifierKey(sha256, TESSERA_KEY)), TESSERA_KEY)
  const refused = [
    '',
    'name',
    TESSERA_KEY.replace('33d7b496', '33d7b497'),
    TESSERA_KEY.replace('33d7b496', '33D7B496'),
    TESSERA_KEY.replace('example', 'exemple'),
    TESSERA_KEY.replace('+AeHT', '+BOHT'),
    TESSERA_KEY.slice(0, -4),
    `${TESSERA_KEY}=`,
    ` ${TESSERA_KEY}`,
  ]
  for (const text of refused) assert.throws(() => parseVerifierKey(sha256, text), NoteError, text)
  for (const name of ['', 'a b', 'a+b', 'a\u00a0b', 'a\u0085b', '\ud800']) {
    assert.throws(() => noteKey(sha256, name, new Uint8Array(32)), NoteError)
  }
})

test('unknown signatures are ignored, but a note without a known one is refused', () => {
  const [known, unknown] = [signer('log.example/a'), signer('log.example/a')]
  const note = signNote('text\n\nmore\n', [unknown, known])
  assert.deepEqual(openNote(note, [known.key], verifyEd25519), {
    text: 'text\n\nmore\n',
    signedBy: [known.key],
  })
  assert.throws(() => openNote(note, [signer('log.example/a').key], verifyEd25519), NoteError)
  assert.throws(() => openNote(note, [], verifyEd25519), NoteError)
})

test('a known key that fails to verify, or signs twice, rejects the note although another key verifies', () => {
  const [first, second] = [signer('a'), signer('b')]
  const bad: NoteSigner = { key: second.key, sign: () => new Uint8Array(64) }
  const keys = [first.key, second.key]
  assert.throws(() => openNote(signNote('text\n', [first, bad]), keys, verifyEd25519), /b does not verify/)
  assert.throws(() => openNote(signNote('text\n', [first, first]), keys, verifyEd25519), /twice/)
  const short = base64Encode(Uint8Array.from([...second.key.id, 1, 2, 3]))
  assert.throws(
    () => openNote(`${signNote('text\n', [first])}\u2014 b ${short}\n`, keys, verifyEd25519),
    NoteError,
  )
})

test('a note in any other form is refused', () => {
  const key = signer('a')
  const note = signNote('text\n', [key])
  const line = note.slice(note.indexOf('\u2014'))
  const refused = [
    '',
    'text\n',
    'text\n\n',
    note.slice(0, -1),
    `${note}\n`,
    `${note}rest\n`,
    note.replace('\u2014', '-'),
    note.replace('\u2014 a', '\u2014  a'),
    note.replace('\n\n', '\r\n\r\n'),
    note.replace('text', 'te\tt'),
    note.replace('text', '\ud800'),
    note.replace('=\n', '\n'),
    note + `\u2014 x ${base64Encode(new Uint8Array(4))}\n`,
    `text\n\n${`\u2014 x ${base64Encode(new Uint8Array(68))}\n`.repeat(64)}${line}`,
    `${'x'.repeat(600_000)}${note}`,
  ]
  for (const text of refused) assert.throws(() => openNote(text, [key.key], verifyEd25519), NoteError, text)
  assert.throws(() => signNote('no newline', [key]), NoteError)
  assert.throws(() => signNote('text\n', []), NoteError)
})

test('a checkpoint with any other lines, numbers or lengths is refused', () => {
  const root = base64Encode(new Uint8Array(32))
  assert.deepEqual(parseCheckpoint(`o\n9007199254740991\n${root}\n`).size, Number.MAX_SAFE_INTEGER)
  const refused = [
    `o\n1\n${root}`,
    `o\n1\n${root}\nextension\n`,
    `\n1\n${root}\n`,
    `o\n01\n${root}\n`,
    `o\n-1\n${root}\n`,
    `o\n1e3\n${root}\n`,
    `o\n9007199254740992\n${root}\n`,
    `o\n1\n${root.slice(4)}\n`,
    `o\n1\n\n`,
    'o\n1\n',
  ]
  for (const text of refused) assert.throws(() => parseCheckpoint(text), NoteError, text)
  const checkpoint = { origin: 'o', size: 1, root: new Uint8Array(32) }
  assert.throws(() => formatCheckpoint({ ...checkpoint, origin: 'o\n1' }), NoteError)
  assert.throws(() => formatCheckpoint({ ...checkpoint, size: 1.5 }), NoteError)
  assert.throws(() => formatCheckpoint({ ...checkpoint, root: new Uint8Array(31) }), NoteError)
})

test('random text never makes the readers throw anything but NoteError', () => {
  const key = signer('a')
  const pieces = ['\n', '\n\n', '\u2014 ', 'a ', 'AAAA', '=', '+', '1', ' ', '\u0000', '\ud800', 'x']
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 20 }), (parts) => {
      for (const read of [
        () => openNote(parts.join(''), [key.key], verifyEd25519),
        () => parseCheckpoint(parts.join('')),
        () => parseVerifierKey(sha256, parts.join('')),
      ]) {
        try {
          read()
        } catch (error) {
          assert.ok(error instanceof NoteError)
        }
      }
    }),
    { numRuns: 1_000 },
  )
})

function signer(name: string): NoteSigner {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')
  return { key: noteKey(sha256, name, raw), sign: (message) => sign(null, message, privateKey) }
}

function tesseraNotes(): string[] {
  const names = ['checkpoint', ...Array.from({ length: 16 }, (_, at) => `checkpoint.${at}`)]
  return names.map((name) => readVector(`tessera-log/${name}`))
}

test('the signature covers the text as UTF-8 and nothing else', () => {
  const key = signer('a')
  const note = signNote('caf\u00e9\n', [key])
  const signature = base64Decode(note.slice(note.lastIndexOf(' ') + 1, -1)) ?? assert.fail('not base64')
  assert.equal(verifyEd25519(key.key.publicKey, utf8Encode('caf\u00e9\n'), signature.slice(4)), true)
})
