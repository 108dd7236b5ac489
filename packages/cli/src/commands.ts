import type { Command } from './command.ts'
import { AUDIT_COMPARE_COMMAND } from './commands/audit-compare.ts'
import { AUDIT_EVENT_COMMANDS } from './commands/audit-events.ts'
import { AUDIT_EXPORT_COMMAND } from './commands/audit-export.ts'
import { AUDIT_LOG_COMMANDS } from './commands/audit-log.ts'
import { AUDIT_PROOF_COMMANDS } from './commands/audit-proofs.ts'
import { AUDIT_USE_COMMANDS } from './commands/audit-use.ts'
import { AUDIT_VERIFY_COMMAND } from './commands/audit-verify.ts'
import { BULK_COMMANDS } from './commands/bulk-operations.ts'
import { completionCommand } from './commands/completion.ts'
import { CONFIG_COMMANDS } from './commands/config.ts'
import { DOCTOR_COMMAND } from './commands/doctor.ts'
import { ENVIRONMENT_COMMANDS } from './commands/environments.ts'
import { KEY_DECISION_COMMANDS } from './commands/key-decisions.ts'
import { KEY_COMMANDS } from './commands/keys.ts'
import { IMPORT_SOURCE_COMMANDS } from './commands/import-sources.ts'
import { KEY_TRANSFER_COMMANDS } from './commands/key-transfer.ts'
import { OWNER_COMMANDS } from './commands/owners.ts'
import { PROJECT_COMMANDS } from './commands/projects.ts'
import { ROLE_COMMANDS } from './commands/roles.ts'
import { ROOT_KEY_COMMANDS } from './commands/root-keys.ts'
import { SELF_COMMANDS } from './commands/self.ts'
import { SCANNER_RULES_COMMAND } from './commands/scanner-rules.ts'
import { SERVICE_COMMANDS } from './commands/service.ts'
import { USAGE_COMMANDS } from './commands/usage.ts'

/** Every command of the binary, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  ...PROJECT_COMMANDS,
  ...ENVIRONMENT_COMMANDS,
  ...OWNER_COMMANDS,
  ...ROLE_COMMANDS,
  ...KEY_COMMANDS,
  ...KEY_DECISION_COMMANDS,
  ...BULK_COMMANDS,
  ...IMPORT_SOURCE_COMMANDS,
  ...KEY_TRANSFER_COMMANDS,
  ...SELF_COMMANDS,
  ...ROOT_KEY_COMMANDS,
  ...AUDIT_EVENT_COMMANDS,
  ...AUDIT_LOG_COMMANDS,
  AUDIT_EXPORT_COMMAND,
  AUDIT_VERIFY_COMMAND,
  AUDIT_COMPARE_COMMAND,
  ...AUDIT_PROOF_COMMANDS,
  ...AUDIT_USE_COMMANDS,
  DOCTOR_COMMAND,
  ...USAGE_COMMANDS,
  SCANNER_RULES_COMMAND,
  ...CONFIG_COMMANDS,
  completionCommand(() => COMMANDS),
  ...SERVICE_COMMANDS,
]
