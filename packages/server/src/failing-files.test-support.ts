// The file system, real, of which one call fails: the functions of node:fs that the server uses pass a fault first.
import fs from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { type Fault, faulty } from './fault.test-support.ts'

const FUNCTIONS = [
  ...['accessSync', 'closeSync', 'fstatSync', 'fsyncSync', 'linkSync', 'mkdirSync', 'openSync'],
  ...[
    'readFileSync',
    'readSync',
    'readdirSync',
    'renameSync',
    'rmSync',
    'statSync',
    'unlinkSync',
    'writeSync',
  ],
]
const HANDLE_FUNCTIONS = ['writev', 'sync']

type Function = (...args: readonly unknown[]) => unknown

/** Runs `work` while calls to the file system pass the fault, whoever makes them. */
export async function withFailingFiles<T>(fault: Fault, work: () => T | Promise<T>): Promise<T> {
  const module = fs as unknown as Record<string, Function>
  const promises = fs.promises as unknown as Record<string, Function>
  const kept = new Map(
    FUNCTIONS.map((name) => [name, Reflect.get<Record<string, Function>, string>(module, name)]),
  )
  const open = fs.promises.open
  for (const [name, real] of kept) module[name] = failing(name, real, fault)
  promises['open'] = async (...args) => {
    const handle = (await fault.pass('open', () => Reflect.apply(open, fs.promises, args))) as FileHandle
    handle.close = failing('closeSync', handle.close.bind(handle), fault) as FileHandle['close']
    return faulty(handle, fault, HANDLE_FUNCTIONS)
  }
  syncBuiltinESMExports()
  try {
    return await work()
  } finally {
    for (const [name, real] of kept) module[name] = real
    fs.promises.open = open
    syncBuiltinESMExports()
  }
}

/** Runs `work` on a disk that takes so many bytes of a write at a time, as one that is nearly full does. */
export function withShortWrites<T>(bytesMax: number, work: () => T): T {
  const module = fs as unknown as {
    writeSync: (file: number, bytes: Uint8Array, ...rest: number[]) => number
  }
  const real = module.writeSync
  module.writeSync = (file, bytes, offset = 0) =>
    real(file, bytes, offset, Math.min(bytesMax, bytes.length - offset))
  syncBuiltinESMExports()
  try {
    return work()
  } finally {
    module.writeSync = real
    syncBuiltinESMExports()
  }
}

function failing(name: string, real: Function, fault: Fault): Function {
  return (...args) => {
    const call = (): unknown => Reflect.apply(real, fs, args)
    if (name !== 'closeSync') return fault.pass(name, call)
    // What fails to close is closed all the same.
    const closed = call()
    fault.pass(name, () => undefined)
    return closed
  }
}
