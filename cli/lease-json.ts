/** A lease as `--json` shows it. What other programs read must not change with the ledger's own format. */
import { databaseOf } from '../lib/lease.ts'
import type { Lease } from '../lib/lease.ts'

export type LeaseJson = {
  name: string
  path: string
  branch: string | null
  ports: Readonly<Record<string, number>>
  database: { url: string; path: string } | null
}

export function leaseJson(lease: Lease): LeaseJson {
  const { name, worktree: path, branch = null, ports } = lease
  return { name, path, branch, ports, database: databaseOf(lease) ?? null }
}
