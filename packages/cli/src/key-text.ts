import { isObject, type JsonObject } from './client.ts'
import { asObjects, asText, asTexts } from './fields.ts'
import { type Column, renderFields, renderTable } from './table.ts'
import { formatTime } from './time.ts'
import type { World } from './world.ts'

/** One API key or root key in full. Without secret: the API's Key has none. */
export function describeKey(key: JsonObject, world: World): string {
  const now = world.now()
  const time = (name: string) => formatTime(key[name], now)
  const fields: (readonly [string, string | null])[] = [
    ['key', asText(key['id'])],
    ['locator', asText(key['locator'])],
    ['kind', asText(key['kind'])],
    ['state', asText(key['state'])],
    ['project', asText(key['projectId']) || null],
    ['environment', asText(key['environment']) || null],
    ['owner', asText(key['ownerId']) || null],
    ['name', asText(key['name']) || null],
    ['permissions', asTexts(key['permissions']).join(' ')],
    ['roles', asTexts(key['roles']).join(' ') || null],
    ['addresses', asTexts(key['allowedAddresses']).join(' ') || null],
    ['imported', describeImport(key['imported'])],
    ['created', time('createdAt')],
    ['not before', key['notBefore'] === null ? null : time('notBefore')],
    ['expires', key['expiresAt'] === null ? 'never' : time('expiresAt')],
    [
      'revoked',
      typeof key['revokedAt'] === 'number'
        ? `${time('revokedAt')}, ${asText(key['revocationReason'])}`
        : null,
    ],
    ['destroyed at', typeof key['destroyAt'] === 'number' ? time('destroyAt') : null],
    ['last used', typeof key['lastUsedAt'] === 'number' ? time('lastUsedAt') : 'never'],
    ['record version', asText(key['version'])],
  ]
  const versions = asObjects(key['versions'])
  const uses = asObjects(key['uses'])
  const tables = [
    ...(versions.length === 0 ? [] : [renderTable(versionColumns(now), versions, world.stdout)]),
    ...(uses.length === 0 ? [] : [renderTable(useColumns(now), uses, world.stdout)]),
  ]
  return [renderFields(fields), ...tables].join('\n\n')
}

function describeImport(imported: unknown): string | null {
  if (!isObject(imported)) return null
  return `from ${asText(imported['sourceId'])}, ${imported['upgraded'] === true ? 'used since' : 'not used yet'}`
}

/** The columns of `keys list`. */
export function keyColumns(now: number): readonly Column<JsonObject>[] {
  return [
    { title: 'KEY', cell: (key) => asText(key['id']) },
    { title: 'LOCATOR', cell: (key) => asText(key['locator']) },
    { title: 'STATE', cell: (key) => asText(key['state']) },
    { title: 'ENVIRONMENT', cell: (key) => asText(key['environment']) },
    {
      title: 'EXPIRES',
      cell: (key) => (key['expiresAt'] === null ? 'never' : formatTime(key['expiresAt'], now)),
    },
    { title: 'NAME', cell: (key) => asText(key['name']), shrink: true, optional: true },
    {
      title: 'PERMISSIONS',
      cell: (key) => asTexts(key['permissions']).join(' '),
      shrink: true,
      optional: true,
    },
    { title: 'OWNER', cell: (key) => asText(key['ownerId']), optional: true },
    { title: 'LAST USED', cell: (key) => formatTime(key['lastUsedAt'], now), optional: true },
  ]
}

function versionColumns(now: number): readonly Column<JsonObject>[] {
  return [
    { title: 'VERSION', cell: (version) => asText(version['number']) },
    { title: 'CREATED', cell: (version) => formatTime(version['createdAt'], now) },
    { title: 'ACCEPTED UNTIL', cell: (version) => formatTime(version['acceptedUntil'], now) },
  ]
}

function useColumns(now: number): readonly Column<JsonObject>[] {
  return [
    { title: 'VERSION', cell: (use) => asText(use['versionNumber']) },
    { title: 'ANSWER', cell: (use) => asText(use['code']) },
    { title: 'COUNT', cell: (use) => asText(use['count']) },
    { title: 'LAST', cell: (use) => formatTime(use['lastAt'], now) },
  ]
}
