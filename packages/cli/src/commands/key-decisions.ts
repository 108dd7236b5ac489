import { parseApiKey } from '@keystead/protocol/api-key'
import { CONNECTION_OPTIONS } from '../arguments.ts'
import { describeProblem, isObject } from '../client.ts'
import type { Command, OptionSpec } from '../command.ts'
import { CliFailure, EXIT, refusal } from '../failure.ts'
import { asObjects, asText, given } from '../fields.ts'
import { KEY_INPUT_OPTIONS, readKeyInput } from '../secret-input.ts'
import { renderFields, renderTable } from '../table.ts'

const PERMISSION: OptionSpec = {
  type: 'text',
  placeholder: 'PERMISSION',
  help: "also ask for this permission, or several: 'market:read AND NOT funds:withdraw'",
}

const ADDRESS: OptionSpec = {
  type: 'text',
  placeholder: 'ADDRESS',
  help: 'where the client calls from',
}

export const KEY_DECISION_COMMANDS: readonly Command[] = [
  {
    path: ['keys', 'verify'],
    summary: 'ask the server whether a key is accepted; exit code 1 when it is not',
    operations: ['keys.verify'],
    options: { permission: PERMISSION, address: ADDRESS, ...KEY_INPUT_OPTIONS, ...CONNECTION_OPTIONS },
    notes: ['The credential is a root key with keys:verify that is bound to the environment to verify for.'],
    examples: [
      'keystead keys verify --permission market:read --credential-file ./gateway.key < ./acme.key',
      'keystead keys verify --key-file ./acme.key --credential-file ./gateway.key --json',
    ],
    run: async (invocation) => {
      const key = await readKeyInput(invocation)
      const client = await invocation.authenticated()
      const answer = await client.post(
        '/v1/keys:verify',
        given({
          key,
          permission: invocation.values.text('permission'),
          address: invocation.values.text('address'),
        }),
      )
      const field = (label: string, name: string) => [label, asText(answer[name]) || null] as const
      await invocation.present(answer, () =>
        renderFields([
          ['code', asText(answer['code'])],
          field('reason', 'reason'),
          field('key', 'keyId'),
          field('version', 'version'),
          field('owner', 'ownerId'),
          ['external id', isObject(answer['owner']) ? asText(answer['owner']['externalId']) || null : null],
          field('environment', 'environment'),
          field('position', 'position'),
          ['age', typeof answer['ageMs'] === 'number' ? `${answer['ageMs']} ms` : null],
        ]),
      )
      return answer['valid'] === true ? EXIT.ok : EXIT.refused
    },
  },
  {
    path: ['keys', 'verify-batch'],
    summary: 'ask the server about up to 100 keys, one a line; exit code 1 when one is not accepted',
    operations: ['keys.verify-batch'],
    options: { permission: PERMISSION, address: ADDRESS, ...KEY_INPUT_OPTIONS, ...CONNECTION_OPTIONS },
    examples: ['keystead keys verify-batch --credential-file ./gateway.key < ./keys.txt'],
    run: async (invocation) => {
      const keys = (await readKeyInput(invocation)).split(/\s+/)
      const question = given({
        permission: invocation.values.text('permission'),
        address: invocation.values.text('address'),
      })
      const client = await invocation.authenticated()
      const answer = await client.post('/v1/keys:verifyBatch', {
        items: keys.map((key) => ({ ...question, key })),
      })
      const items = asObjects(answer['items'])
      await invocation.present(answer, () =>
        renderTable(
          [
            { title: 'CODE', cell: (item) => asText(item['code']) },
            { title: 'KEY', cell: (item) => asText(item['keyId']) },
            { title: 'VERSION', cell: (item) => asText(item['version']) },
            { title: 'REASON', cell: (item) => asText(item['reason']) },
          ],
          items,
          invocation.world.stdout,
        ),
      )
      return items.every((item) => item['valid'] === true) ? EXIT.ok : EXIT.refused
    },
  },
  {
    path: ['keys', 'authorize'],
    summary: 'ask as a gateway does (GET /v1/authorize); exit code 1 when the key is not accepted',
    operations: ['keys.authorize'],
    options: { permission: PERMISSION, ...KEY_INPUT_OPTIONS, ...CONNECTION_OPTIONS },
    examples: [
      'keystead keys authorize --permission market:read --credential-file ./gateway.key < ./acme.key',
    ],
    run: async (invocation) => {
      const key = await readKeyInput(invocation)
      // Not well-formed keys may hold bytes that no header can carry.
      if (!/^[\x21-\x7e]+$/.test(key))
        throw refusal('this is no key: it holds spaces or other characters that no key has')
      const client = await invocation.authenticated()
      const permission = invocation.values.text('permission')
      const reply = await client.send({
        method: 'GET',
        path: '/v1/authorize',
        credentialIn: 'x-keystead-caller',
        headers: {
          authorization: `Bearer ${key}`,
          ...(permission === undefined ? {} : { 'x-keystead-permission': permission }),
        },
      })
      const header = (name: string) => reply.headers.get(`x-keystead-${name}`)
      if (header('code') === null) throw refusal(describeProblem(reply))
      const answer = {
        status: reply.status,
        code: header('code'),
        keyId: header('key-id'),
        version: header('version'),
        ownerId: header('owner'),
        reason: header('reason'),
      }
      await invocation.present(answer, () =>
        renderFields(
          Object.entries(answer).map(([label, value]) => [label, value === null ? null : String(value)]),
        ),
      )
      return reply.status >= 200 && reply.status < 300 ? EXIT.ok : EXIT.refused
    },
  },
  {
    path: ['keys', 'check'],
    summary: 'check the form and checksum of a key, offline; exit code 1 when it is not well-formed',
    operations: [],
    options: KEY_INPUT_OPTIONS,
    notes: ['Says nothing about whether such a key was ever issued or is accepted: that is keys verify.'],
    examples: ['keystead keys check < ./acme.key', 'keystead keys check --key-file ./acme.key --json'],
    run: async (invocation) => {
      const key = parseApiKey(await readKeyInput(invocation))
      if (key === null) {
        if (!invocation.json)
          throw new CliFailure(EXIT.refused, 'not a well-formed key: wrong form or wrong checksum')
        await invocation.present({ wellFormed: false }, () => '')
        return EXIT.refused
      }
      const { brand, kind, environment, locator } = key
      await invocation.present({ wellFormed: true, brand, kind, environment, locator }, () =>
        renderFields([
          ['well-formed', 'yes'],
          ['brand', brand],
          ['kind', kind],
          ['environment', environment],
          ['locator', locator],
        ]),
      )
      return EXIT.ok
    },
  },
]
