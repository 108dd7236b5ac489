/** The permissions that keys of this provider can hold. */
export type Permission = 'chain:read' | 'chain:send' | 'market:read'

/**
 * Every JSON-RPC method that this provider serves, and the permission it needs. What is not in the table does not
 * exist for customers: node administration (`anvil_*`, `admin_*`, `debug_*`) and methods that would use
 * accounts of the node (`eth_sendTransaction`, `eth_sign`, `eth_accounts`) are absent on purpose.
 */
export const METHOD_PERMISSIONS: ReadonlyMap<string, Permission> = new Map<string, Permission>([
  ['eth_blockNumber', 'chain:read'],
  ['eth_call', 'chain:read'],
  ['eth_chainId', 'chain:read'],
  ['eth_estimateGas', 'chain:read'],
  ['eth_feeHistory', 'chain:read'],
  ['eth_gasPrice', 'chain:read'],
  ['eth_getBalance', 'chain:read'],
  ['eth_getBlockByHash', 'chain:read'],
  ['eth_getBlockByNumber', 'chain:read'],
  ['eth_getBlockReceipts', 'chain:read'],
  ['eth_getBlockTransactionCountByHash', 'chain:read'],
  ['eth_getBlockTransactionCountByNumber', 'chain:read'],
  ['eth_getCode', 'chain:read'],
  ['eth_getLogs', 'chain:read'],
  ['eth_getProof', 'chain:read'],
  ['eth_getStorageAt', 'chain:read'],
  ['eth_getTransactionByHash', 'chain:read'],
  ['eth_getTransactionCount', 'chain:read'],
  ['eth_getTransactionReceipt', 'chain:read'],
  ['eth_maxPriorityFeePerGas', 'chain:read'],
  ['eth_syncing', 'chain:read'],
  ['net_version', 'chain:read'],
  ['web3_clientVersion', 'chain:read'],
  ['eth_sendRawTransaction', 'chain:send'],
])
