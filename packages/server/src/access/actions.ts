/** Everything that an operator may be allowed to do. An operation declares one of these; a root key is granted patterns of them. */
export const ACTIONS = [
  'projects:create',
  'projects:read',
  'owners:create',
  'owners:read',
  'owners:update',
  'keys:create',
  'keys:read',
  'keys:update',
  'keys:rotate',
  'keys:revoke',
  'keys:verify',
  'root-keys:create',
  'root-keys:read',
  'root-keys:update',
  'root-keys:rotate',
  'root-keys:revoke',
  'audit:read',
] as const
export type Action = (typeof ACTIONS)[number]
