/** Every action that a log may hold, for the reference page. A verifier refuses an event with any other action. */
export const AUDIT_ACTIONS = {
  'installation.initialized': {
    title: 'Installation initialized',
    description: 'The first start: the log begins, the integrity key and the bootstrap root key are made.',
  },
  'server.started': {
    title: 'Server started',
    description: 'A server process has opened the store and begun to serve under a new boot id.',
  },
  'use.recorded': {
    title: 'Use recorded',
    description:
      'A batch of uses of keys was stored; the details name its root, its count, and how many uses were dropped.',
  },
  'use.closed': {
    title: 'Use closed',
    description:
      'An orderly stop: the details say what all batches of this boot add up to. A boot without it was cut off.',
  },
  'integrity.alarm': {
    title: 'Integrity alarm',
    description:
      'A stored row was found changed outside Keystead and is refused; the details name table and row.',
  },
  'log.epoch_started': {
    title: 'Log epoch started',
    description:
      'An operator accepted a database that is not what was signed last; the log goes on under a new origin.',
  },
  'project.created': {
    title: 'Project created',
    description: 'A project and its three environments were made.',
  },
  'environment.updated': {
    title: 'Environment updated',
    description: 'The policy of an environment was changed; all its keys follow it at once.',
  },
  'owner.created': { title: 'Owner created', description: 'An owner was added to a project.' },
  'owner.updated': {
    title: 'Owner updated',
    description: 'The name or metadata of an owner were changed.',
  },
  'role.created': {
    title: 'Role created',
    description: 'A named set of permissions was added to a project.',
  },
  'role.updated': {
    title: 'Role updated',
    description:
      'Name, description or permissions of a role were changed; every key that has it is affected.',
  },
  'role.deactivated': {
    title: 'Role deactivated',
    description: 'A role was ended for ever: it grants and denies nothing any more.',
  },
  'key.created': {
    title: 'API key created',
    description: 'An API key with its first version was issued to an owner.',
  },
  'import_source.created': {
    title: 'Import source created',
    description: 'How another system kept its keys was described, so that they can be imported.',
  },
  'key.imported': {
    title: 'API keys imported',
    description:
      'API keys of another system were taken over by their hashes, owners among them where needed.',
  },
  'key.upgraded': {
    title: 'Imported API keys upgraded',
    description:
      'Imported keys were used for the first time; their foreign hashes gave way to a digest of ours.',
  },
  'key.exported': {
    title: 'API keys exported',
    description: 'A page of API keys was handed out, with digests where the details say so.',
  },
  'key.updated': {
    title: 'API key updated',
    description:
      'Name, permissions, roles, addresses or expiry of an API key were changed; its secret stays.',
  },
  'key.rotated': {
    title: 'API key rotated',
    description: 'An API key got a new version; the previous one is accepted until the end of the overlap.',
  },
  'key.revoked': {
    title: 'API key revoked',
    description: 'An API key was deactivated for ever, or marked as compromised, with a reason.',
  },
  'key.suspended': {
    title: 'API key suspended',
    description: 'An API key is refused until it is resumed, with a reason.',
  },
  'key.resumed': { title: 'API key resumed', description: 'A suspended API key is accepted again.' },
  'key.rotation_cancelled': {
    title: 'Rotation cancelled',
    description:
      'Within the overlap the new version was ended, and the one before it is the current one again.',
  },
  'key.rotation_begun': {
    title: 'Rotation begun',
    description: 'The current version got an end; its holder or an operator makes the next one before that.',
  },
  'key.rotation_due': {
    title: 'Rotation due',
    description: 'Keys reach the maximum age of their environment in so many days, or have reached it.',
  },
  'key.cutover': {
    title: 'Overlap ended early',
    description: 'The version before the current one was not used any more, so its overlap was ended.',
  },
  'key.expired_idle': {
    title: 'Unused key expired',
    description: 'An API key that nobody used for as long as its environment allows was ended.',
  },
  'key.destruction_scheduled': {
    title: 'Destruction scheduled',
    description: 'What an API key holds will be erased at the time that the details name.',
  },
  'key.destruction_cancelled': {
    title: 'Destruction cancelled',
    description: 'The scheduled destruction of an API key was called off.',
  },
  'key.destroyed': {
    title: 'API key destroyed',
    description:
      'Digests, name, permissions, roles and addresses of an API key were erased; a tombstone remains.',
  },
  'root_key.created': {
    title: 'Root key created',
    description: 'A credential for operator automation was issued.',
  },
  'root_key.updated': {
    title: 'Root key updated',
    description: 'Name, permissions or expiry of a root key were changed; its secret stays.',
  },
  'root_key.rotated': {
    title: 'Root key rotated',
    description: 'A root key got a new version; the previous one is accepted until the end of the overlap.',
  },
  'root_key.suspended': {
    title: 'Root key suspended',
    description: 'A root key is refused until it is resumed, with a reason.',
  },
  'root_key.resumed': { title: 'Root key resumed', description: 'A suspended root key is accepted again.' },
  'root_key.revoked': {
    title: 'Root key revoked',
    description: 'A root key was deactivated for ever, or marked as compromised, with a reason.',
  },
  'bulk_operation.started': {
    title: 'Bulk operation started',
    description: 'A change of all keys that a query names was accepted; the details say how many they are.',
  },
  'bulk_operation.applied': {
    title: 'Bulk operation applied',
    description: 'A chunk of the keys was changed; with an undo window, a revocation suspends them first.',
  },
  'bulk_operation.concluded': {
    title: 'Bulk operation concluded',
    description:
      'The undo window is over: a chunk of the suspended keys was revoked, or all was done already.',
  },
  'bulk_operation.undo_started': {
    title: 'Undo of a bulk operation started',
    description: 'What the operation changed and nobody has touched since is being put back.',
  },
  'bulk_operation.undone': {
    title: 'Bulk operation undone',
    description: 'A chunk of the keys was put back to what they were before the operation.',
  },
  'bulk_operation.failed': {
    title: 'Bulk operation failed',
    description:
      'It cannot go on, since a stored row was changed outside Keystead; suspended keys stay suspended.',
  },
} as const satisfies Record<string, { title: string; description: string }>
export type AuditAction = keyof typeof AUDIT_ACTIONS
