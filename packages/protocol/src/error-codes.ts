/** Every expected failure of the API. Codes are never renamed; a new failure is a new row. */
export interface ErrorCode {
  /** HTTP status. */
  readonly status: number
  /** The public sentence; reveals nothing that the caller may not know. */
  readonly title: string
  /** What the caller can do, for the reference page. */
  readonly help: string
}

export const ERROR_CODES = {
  'request.invalid': {
    status: 400,
    title: 'The request is not valid',
    help: 'Each entry of `errors` names a field and what is wrong with it. Unknown fields are refused.',
  },
  'request.precondition_failed': {
    status: 412,
    title: 'The object has another version than If-Match names',
    help: 'Somebody has changed it since, or it is not there yet. Read it again and decide again.',
  },
  'request.in_progress': {
    status: 409,
    title: 'The same request is being worked on',
    help: 'A request with this Idempotency-Key has not been answered yet. Repeat it in a second.',
  },
  'request.key_reused': {
    status: 409,
    title: 'The Idempotency-Key was used for another request',
    help: 'A repetition must ask exactly the same. Use a new key for each change.',
  },
  'request.malformed': {
    status: 400,
    title: 'The body is not well-formed JSON',
    help: 'Bodies are strict JSON in UTF-8: no duplicate keys, no NUL, at most 16 levels deep.',
  },
  'request.too_large': {
    status: 413,
    title: 'The request is too large',
    help: 'A body may have 64 KiB, an import 2 MiB, a verification 4 KiB.',
  },
  'request.media_type': {
    status: 415,
    title: 'The body is not application/json',
    help: 'Send `content-type: application/json`.',
  },
  'request.not_found': {
    status: 404,
    title: 'There is no such operation',
    help: 'See the OpenAPI document at /openapi.json.',
  },
  'request.method_not_allowed': {
    status: 405,
    title: 'The path does not take this method',
    help: 'The `allow` header names the methods.',
  },
  'request.headers': {
    status: 431,
    title: 'The header fields are too large or not well-formed',
    help: 'All header fields together may have 16 KiB.',
  },
  'request.timeout': {
    status: 408,
    title: 'The request took too long to arrive',
    help: 'Send the whole request within 30 seconds.',
  },
  'access.unauthenticated': {
    status: 401,
    title: 'No valid credential was presented',
    help: 'Send `authorization: Bearer` with a root key that is active and not expired.',
  },
  'access.denied': {
    status: 403,
    title: 'The credential does not allow this',
    help: 'The detail names the permission that is missing. Ask for a root key that holds it.',
  },
  'access.escalation': {
    status: 403,
    title: 'A credential cannot give away more than it has',
    help: 'Ask for permissions, a project and an environment that the calling credential covers itself.',
  },
  'import_source.not_found': {
    status: 404,
    title: 'There is no such import source',
    help: 'List them with GET /v1/import-sources.',
  },
  'import_source.exists': {
    status: 409,
    title: 'The environment has an import source of this name',
    help: 'Use that one, or choose another name.',
  },
  'import_source.too_many': {
    status: 409,
    title: 'The environment has as many import sources as it can have',
    help: 'Each one costs a hash for every foreign text. Import further keys through one that is there.',
  },
  'verification.busy': {
    status: 503,
    title: 'Too many slow hashes are waiting',
    help: 'Ask again after `retry-after` seconds. Only imported keys with slow hashes that were not used yet are affected.',
  },
  'project.required': {
    status: 400,
    title: 'The project must be named',
    help: 'The credential is bound to no project and there is more than one: send `projectId`.',
  },
  'project.not_found': {
    status: 404,
    title: 'There is no such project',
    help: 'List them with GET /v1/projects.',
  },
  'environment.not_found': {
    status: 404,
    title: 'There is no such environment',
    help: 'A project has production, staging and development.',
  },
  'owner.not_found': { status: 404, title: 'There is no such owner', help: 'List them with GET /v1/owners.' },
  'owner.exists': {
    status: 409,
    title: 'The project has an owner with this external id',
    help: 'External ids are unique in a project. Look it up with GET /v1/owners?externalId=.',
  },
  'owner.metadata_too_large': {
    status: 400,
    title: 'The metadata of an owner is too large',
    help: 'As JSON it may have 2 KiB. Keep the rest in your own systems, under the external id.',
  },
  'role.not_found': {
    status: 404,
    title: 'There is no such role',
    help: 'List them with GET /v1/roles. A role belongs to one project, and one that was deactivated cannot be given.',
  },
  'role.exists': {
    status: 409,
    title: 'The project has a role of this name, or had one',
    help: 'Names are unique in a project for ever. Update the role, or choose another name.',
  },
  'role.deactivated': {
    status: 409,
    title: 'The role was deactivated',
    help: 'That is for ever: create another role.',
  },
  'key.invalid_addresses': {
    status: 400,
    title: 'An allowed address is not an address or range',
    help: 'Each entry of `errors` names one. Write IPv4 or IPv6 addresses, or ranges such as 203.0.113.0/24.',
  },
  'key.not_found': { status: 404, title: 'There is no such key', help: 'List them with GET /v1/keys.' },
  'key.illegal_transition': {
    status: 409,
    title: 'The key cannot go from its state to that one',
    help: 'The detail names both states. Revoked is for ever: issue a new key instead.',
  },
  'key.expired': {
    status: 409,
    title: 'The key has expired',
    help: 'An expired key is neither rotated nor updated: issue a new one.',
  },
  'key.too_many_versions': {
    status: 409,
    title: 'Too many versions of the key are still accepted',
    help: 'Wait until an overlap ends, or rotate with `overlapSeconds: 0` to end all overlaps at once.',
  },
  'key.no_rotation': {
    status: 409,
    title: 'The key has no rotation to cancel',
    help: 'A rotation can be cancelled while the version before it is still accepted, that is, within its overlap.',
  },
  'key.self_rotation_denied': {
    status: 403,
    title: 'The key may not be rotated by its holder',
    help: 'The environment must allow it, and the newest version must be presented. Ask the operator.',
  },
  'key.no_destruction': {
    status: 409,
    title: 'No destruction of the key is scheduled',
    help: 'There is nothing to cancel.',
  },
  'key.invalid_times': {
    status: 400,
    title: 'The times of the key contradict each other',
    help: '`expiresAt` must lie in the future and after `notBefore`, at most ten years away.',
  },
  'bulk_operation.not_found': {
    status: 404,
    title: 'There is no such bulk operation',
    help: 'List them with GET /v1/bulk-operations.',
  },
  'bulk_operation.unconfirmed': {
    status: 409,
    title: 'The bulk operation needs the confirmation of a dry run',
    help: 'Ask with `dryRun: true`, look at what it would change, and repeat its `confirm` within 15 minutes. A confirmation stops holding when the keys that the query names are others by now.',
  },
  'bulk_operation.too_many_keys': {
    status: 409,
    title: 'The query names too many keys for one bulk operation',
    help: 'One operation goes through at most 100,000 keys. Split it by owner, environment or time of creation.',
  },
  'bulk_operation.not_undoable': {
    status: 409,
    title: 'The bulk operation cannot be undone',
    help: 'It can be until `undoUntil`, once, if it was started with an undo window.',
  },
  'audit.position_not_found': {
    status: 404,
    title: 'The log has no such position',
    help: 'Positions go from 0 to the size of the latest checkpoint less one.',
  },
  'audit.batch_not_found': {
    status: 404,
    title: 'The event has no batch, or is not there',
    help: 'Only events whose details have `batchRoot` have one.',
  },
  'audit.tile_not_found': {
    status: 404,
    title: 'The log has no such tile',
    help: 'Ask for the tiles of the latest checkpoint: full ones, and one partial at the right edge.',
  },
  'audit.state_expired': {
    status: 410,
    title: 'This export of the state is over',
    help: 'Each page is asked for within a minute, from the process that gave the one before. Begin a new export.',
  },
  'audit.halted': {
    status: 503,
    title: 'The audit log does not match its last signed checkpoint',
    help: 'Nothing is changed until an operator has looked: see docs/operate/troubleshooting.md.',
  },
  'usage.not_found': {
    status: 404,
    title: 'There is no such record of use',
    help: 'Uses are recorded within seconds, proven when a checkpoint covers them, and kept for 90 days. List the runs of servers with GET /v1/usage/emitters.',
  },
  'storage.integrity': {
    status: 503,
    title: 'A stored row failed its integrity check',
    help: 'The row was changed outside Keystead and is refused: see docs/operate/troubleshooting.md.',
  },
  'storage.unavailable': {
    status: 503,
    title: 'The store cannot be used now',
    help: 'Nothing was changed. Look at the disk (full, read-only, failing) or at the database server. Then try again.',
  },
  'storage.unconfirmed': {
    status: 503,
    title: 'The change may have been stored, but that is not confirmed',
    help: 'The database did not answer in time. Look at the object before you try again: the change is there or it is not.',
  },
  'verification.stale': {
    status: 503,
    title: 'The server does not know whether what it holds is current',
    help: 'The database has not answered for more than 5 seconds, so no key is accepted. Look at the database.',
  },
  'server.overloaded': {
    status: 503,
    title: 'The server has too much to do',
    help: 'Nothing was changed. Try again after the time in `retry-after`.',
  },
  'server.stopping': { status: 503, title: 'The server is stopping', help: 'Try again in a moment.' },
  'server.internal': {
    status: 500,
    title: 'Something went wrong inside',
    help: 'Nothing about it is told outside. The log has the request id.',
  },
} as const satisfies Record<string, ErrorCode>

export type ErrorCodeName = keyof typeof ERROR_CODES
