import { listAuditEventsOperation, getAuditEventOperation } from './operations/audit/events.ts'
import {
  getBatchOperation,
  getCheckpointOperation,
  getLogKeyOperation,
  getTileOperation,
} from './operations/audit/log.ts'
import { proveConsistencyOperation, proveInclusionOperation } from './operations/audit/proofs.ts'
import { exportStateOperation } from './operations/audit/state.ts'
import {
  getBulkOperationOperation,
  listBulkOperationsOperation,
  undoBulkOperationOperation,
} from './operations/bulk-operations/bulk-operations.ts'
import { bulkKeysOperation } from './operations/keys/bulk.ts'
import { cancelDestructionOperation } from './operations/keys/cancel-destruction.ts'
import { cancelRotationOperation } from './operations/keys/cancel-rotation.ts'
import { createImportSourceOperation } from './operations/import-sources/create.ts'
import { getImportSourceOperation } from './operations/import-sources/get.ts'
import { listImportSourcesOperation } from './operations/import-sources/list.ts'
import { createKeyOperation } from './operations/keys/create.ts'
import { destroyKeyOperation } from './operations/keys/destroy.ts'
import { exportKeysOperation } from './operations/keys/export.ts'
import { getKeyOperation } from './operations/keys/get.ts'
import { importKeysOperation } from './operations/keys/import.ts'
import { listKeysOperation } from './operations/keys/list.ts'
import { resumeKeyOperation } from './operations/keys/resume.ts'
import { revokeKeyOperation } from './operations/keys/revoke.ts'
import { rotateKeyOperation } from './operations/keys/rotate.ts'
import { suspendKeyOperation } from './operations/keys/suspend.ts'
import { keyUsageOperation } from './operations/keys/usage.ts'
import { updateKeyOperation } from './operations/keys/update.ts'
import { getEnvironmentOperation } from './operations/environments/get.ts'
import { updateEnvironmentOperation } from './operations/environments/update.ts'
import { checkIntegrityOperation } from './operations/integrity/check.ts'
import { createOwnerOperation } from './operations/owners/create.ts'
import { getOwnerOperation } from './operations/owners/get.ts'
import { listOwnersOperation } from './operations/owners/list.ts'
import { updateOwnerOperation } from './operations/owners/update.ts'
import { createProjectOperation } from './operations/projects/create.ts'
import { getProjectOperation } from './operations/projects/get.ts'
import { listProjectsOperation } from './operations/projects/list.ts'
import { createRoleOperation } from './operations/roles/create.ts'
import { deactivateRoleOperation } from './operations/roles/deactivate.ts'
import { getRoleOperation } from './operations/roles/get.ts'
import { listRolesOperation } from './operations/roles/list.ts'
import { updateRoleOperation } from './operations/roles/update.ts'
import { createRootKeyOperation } from './operations/root-keys/create.ts'
import { getRootKeyOperation } from './operations/root-keys/get.ts'
import { listRootKeysOperation } from './operations/root-keys/list.ts'
import { resumeRootKeyOperation } from './operations/root-keys/resume.ts'
import { revokeRootKeyOperation } from './operations/root-keys/revoke.ts'
import { rotateRootKeyOperation } from './operations/root-keys/rotate.ts'
import { suspendRootKeyOperation } from './operations/root-keys/suspend.ts'
import { updateRootKeyOperation } from './operations/root-keys/update.ts'
import { revokeSelfOperation } from './operations/self/revoke.ts'
import { rotateSelfOperation } from './operations/self/rotate.ts'
import { whoamiOperation } from './operations/self/whoami.ts'
import { getRecordsOperation, listEmittersOperation } from './operations/usage/emitters.ts'
import { getMetricsOperation } from './operations/metrics/get.ts'
import { listUsageOperation } from './operations/usage/list.ts'
import { proveUseOperation } from './operations/usage/proof.ts'
import { authorizeOperation } from './operations/verify/authorize.ts'
import { verifyBatchOperation } from './operations/verify/batch.ts'
import type { LeanOperation } from './operations/verify/lean.ts'
import { verifyKeyOperation } from './operations/verify/verify.ts'
import type { Operation, SelfOperation } from './operation.ts'

/** Every operation of the API that goes through the pipeline. */
export const OPERATIONS: readonly Operation[] = [
  createProjectOperation,
  listProjectsOperation,
  getProjectOperation,
  getEnvironmentOperation,
  updateEnvironmentOperation,
  createOwnerOperation,
  listOwnersOperation,
  getOwnerOperation,
  updateOwnerOperation,
  createRoleOperation,
  listRolesOperation,
  getRoleOperation,
  updateRoleOperation,
  deactivateRoleOperation,
  createKeyOperation,
  listKeysOperation,
  getKeyOperation,
  keyUsageOperation,
  updateKeyOperation,
  rotateKeyOperation,
  cancelRotationOperation,
  suspendKeyOperation,
  resumeKeyOperation,
  revokeKeyOperation,
  destroyKeyOperation,
  cancelDestructionOperation,
  bulkKeysOperation,
  importKeysOperation,
  exportKeysOperation,
  createImportSourceOperation,
  listImportSourcesOperation,
  getImportSourceOperation,
  listBulkOperationsOperation,
  getBulkOperationOperation,
  undoBulkOperationOperation,
  verifyBatchOperation,
  createRootKeyOperation,
  listRootKeysOperation,
  getRootKeyOperation,
  updateRootKeyOperation,
  rotateRootKeyOperation,
  suspendRootKeyOperation,
  resumeRootKeyOperation,
  revokeRootKeyOperation,
  listAuditEventsOperation,
  getAuditEventOperation,
  exportStateOperation,
  getLogKeyOperation,
  getCheckpointOperation,
  getTileOperation,
  getBatchOperation,
  proveInclusionOperation,
  proveConsistencyOperation,
  checkIntegrityOperation,
  listUsageOperation,
  getMetricsOperation,
  listEmittersOperation,
  getRecordsOperation,
  proveUseOperation,
]

/** About the API key that is presented as the credential. */
export const SELF_OPERATIONS: readonly SelfOperation[] = [
  whoamiOperation,
  revokeSelfOperation,
  rotateSelfOperation,
]

/** The data plane: on bare node:http. */
export const LEAN_OPERATIONS: readonly LeanOperation[] = [verifyKeyOperation, authorizeOperation]
