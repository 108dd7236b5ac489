// What install.test.ts uses of install.mjs, which is plain JavaScript because it runs before anything is installed.
import type { Server } from 'node:net'

interface Machine {
  readonly platform: string
  readonly arch: string
  readonly glibc: string | undefined
  readonly node: string
}

export function npmArguments(mode: string): string[]
export function npmEnvironment(environment: Readonly<Record<string, string>>): Record<string, string>
export function refusal(machine: Machine): string | null
export function inspect(root: string, mode: string): 'ready' | 'update' | 'replace'
export function acquire(root: string, options?: { waitMs?: number; onWait?: () => void }): Promise<Server>
export function npmFailure(ended: unknown, output: string): string
