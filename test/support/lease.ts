/** A process of the ledger test: takes `count` blocks for worktrees named on the command line, under their locks, and prints them. Arguments: names. */
import { createHash } from 'node:crypto'
import { withWorktreeLock } from '../../lib/ledger/worktree-lock.ts'
import { findLease, saveLease } from '../../lib/ledger/ledger.ts'
import { ownIdentity } from '../../lib/processes/process-identity.ts'
import { stderrReporter } from '../../lib/report/reporter.ts'
import { reserveLease } from '../../lib/ledger/reserve-lease.ts'

for (const name of process.argv.slice(2)) {
  const identity = { worktree: `/nowhere/${name}`, commonDir: '/nowhere/.git' }
  const lease = await withWorktreeLock(identity, { reporter: stderrReporter }, async () => {
    const known = findLease(identity)
    if (known !== undefined) return known
    const draft = {
      ...identity,
      id: createHash('sha256').update(`${name}${process.pid}`).digest('hex').slice(0, 16),
      root: '/nowhere',
      name,
      branch: undefined,
      state: 'creating' as const,
      maker: ownIdentity(),
      resources: [],
      createdAt: new Date().toISOString(),
    }
    const fresh = await reserveLease(draft, [], [20000, 29999])
    saveLease({ ...fresh, state: 'ready' })
    return fresh
  })
  process.stdout.write(`${name} ${lease.block}\n`)
}
