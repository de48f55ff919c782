/** Looks at what the ledger and git hold, from outside. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseLease, type Lease } from '../../lib/ledger/lease.ts'
import type { Sandbox } from './sandbox.ts'

export function loadLeases({ folder }: Sandbox): Lease[] {
  const leases = join(folder, 'state', 'leases')
  if (!existsSync(leases)) return []
  return readdirSync(leases).map((name) => {
    const lease = parseLease(readFileSync(join(leases, name), 'utf8'))
    if (lease === undefined) throw new Error(`${name} is no lease`)
    return lease
  })
}

export function requireLeaseAt(sandbox: Sandbox, worktree: string): Lease {
  const lease = loadLeases(sandbox).find((one) => one.worktree === worktree)
  if (lease === undefined) throw new Error(`no lease for ${worktree}`)
  return lease
}

/** `KEY=value` lines of an env file, comments left out. */
export function readEnv(path: string): Record<string, string> {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => /^\w+=/.test(line))
  return Object.fromEntries(
    lines.map((line): [string, string] => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
}

/** Everything that a failed or removed creation must leave as it was. */
export function snapshotState(sandbox: Sandbox, repository: string): Record<string, unknown> {
  const state = join(sandbox.folder, 'state')
  const list = (name: string): string[] => (existsSync(join(state, name)) ? readdirSync(join(state, name)) : [])
  return {
    worktrees: sandbox.git(repository, 'worktree', 'list', '--porcelain'),
    branches: sandbox.git(repository, 'for-each-ref'),
    status: sandbox.git(repository, 'status', '--porcelain', '--ignored'),
    exclude: readFileSync(join(repository, '.git/info/exclude'), 'utf8'),
    files: readdirSync(repository),
    leases: list('leases'),
    locks: list('locks'),
    temporary: list('tmp'),
  }
}
