import { REVOCATION_REASONS } from '@keystead/protocol/lifecycle'
import { CONNECTION_OPTIONS } from '../arguments.ts'
import type { Client } from '../client.ts'
import type { Command, Invocation, OptionSpec } from '../command.ts'
import { EXIT, refusal } from '../failure.ts'
import { asText, asTexts, given } from '../fields.ts'
import { KEY_INPUT_OPTIONS, readKeyInput } from '../secret-input.ts'
import { deliverSecret, planSecret, SECRET_OPTIONS } from '../secret-output.ts'
import { renderFields } from '../table.ts'
import { formatTime } from '../time.ts'

/** The presented key is the credential: there is no other. */
const OPTIONS: Readonly<Record<string, OptionSpec>> = {
  ...KEY_INPUT_OPTIONS,
  ...Object.fromEntries(Object.entries(CONNECTION_OPTIONS).filter(([name]) => name !== 'credential-file')),
}

export const SELF_COMMANDS: readonly Command[] = [
  {
    path: ['self', 'whoami'],
    summary: 'tell what an API key is, to whoever holds it',
    operations: ['self.whoami'],
    options: OPTIONS,
    examples: ['keystead self whoami --key-file ./acme.key'],
    run: async (invocation) => {
      const answer = await (await holder(invocation)).get('/v1/self')
      const now = invocation.world.now()
      const field = (label: string, name: string) => [label, asText(answer[name]) || null] as const
      await invocation.present(answer, () =>
        renderFields([
          field('key', 'keyId'),
          field('answer', 'code'),
          field('owner', 'ownerExternalId'),
          field('environment', 'environment'),
          ['permissions', asTexts(answer['permissions']).join(' ')],
          ['expires', answer['expiresAt'] === null ? 'never' : formatTime(answer['expiresAt'], now)],
          field('version', 'version'),
          [
            'accepted until',
            answer['acceptedUntil'] === null ? null : formatTime(answer['acceptedUntil'], now),
          ],
          field('newer version', 'successor'),
        ]),
      )
      return EXIT.ok
    },
  },
  {
    path: ['self', 'revoke'],
    summary: 'revoke an API key that you hold or have found, for ever; needs no other credential',
    operations: ['self.revoke'],
    options: {
      reason: {
        type: 'text',
        placeholder: 'REASON',
        help: `${Object.keys(REVOCATION_REASONS).join(', ')} (default keyCompromise)`,
      },
      ...OPTIONS,
    },
    examples: ['keystead self revoke < ./found.key'],
    run: async (invocation) => {
      const client = await holder(invocation)
      const answer = await client.post('/v1/self/revoke', given({ reason: invocation.values.text('reason') }))
      await invocation.present(
        answer,
        () =>
          `${asText(answer['keyId'])} is revoked, at position ${asText(answer['position'])} of the audit log`,
      )
      return EXIT.ok
    },
  },
  {
    path: ['self', 'rotate'],
    summary: 'get a new secret for an API key that you hold, where its environment allows it',
    operations: ['self.rotate'],
    options: { ...SECRET_OPTIONS, ...OPTIONS },
    examples: ['keystead self rotate --key-file ./acme.key --secret-file ./acme-2.key'],
    run: async (invocation) => {
      const { values, world, json } = invocation
      const secretFile = values.text('secret-file')
      const stdoutIsTerminal = world.stdout.isTerminal
      const plan = planSecret({ secretFile, show: values.flag('show'), json, stdoutIsTerminal })
      const client = await holder(invocation)
      await deliverSecret({
        world,
        plan,
        secretFile,
        json,
        ask: () => client.post('/v1/self/rotate', {}),
        describe: (answer) =>
          `version ${asText(answer['version'])} of ${asText(answer['keyId'])}; the one before is accepted until ` +
          `${formatTime(answer['previousAcceptedUntil'], world.now())}\n`,
      })
      return EXIT.ok
    },
  },
]

async function holder(invocation: Invocation): Promise<Client> {
  const key = await readKeyInput(invocation)
  if (!/^[\x21-\x7e]+$/.test(key))
    throw refusal('this is no key: it holds spaces or other characters that no key has')
  return invocation.anonymous().as(key)
}
