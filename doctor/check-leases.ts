/** Whether the ledger holds what nobody uses any more, or what nobody can read. */
import { judgeLeases } from '../lib/judge-leases.ts'
import { loadLedger } from '../lib/ledger.ts'
import { reapLease } from '../lib/reap.ts'
import type { Check, Finding } from './check.ts'

export const leasesCheck: Check = {
  id: 'leases',
  title: 'Leases',
  async run({ project, reporter }) {
    const { leases, damaged } = loadLedger()
    const own = leases.filter((lease) => lease.commonDir === project.repository.commonDir && !lease.isShared)
    const dead = (await judgeLeases(own)).filter(({ verdict }) => verdict === 'dead')
    const findings: Finding[] = [
      ...dead.map(({ lease }): Finding => ({
        id: 'leases.stale',
        severity: 'warning',
        message: `${lease.name} is gone, but still holds ports ${lease.block}–${lease.block + 9}`,
        why: 'Ports and databases of dead worktrees are missing elsewhere.',
        fix: 'agent-isolate gc',
        repair: async () => void (await reapLease(lease, reporter)),
      })),
      ...damaged.map(({ path, block }): Finding => ({
        id: 'leases.damaged',
        severity: 'error',
        message: `no lease can be read from this file; ports ${block}–${block + 9} stay taken`,
        why: 'Nobody can tell whether a worktree still uses them.',
        fix: 'Delete the file, if none does.',
        file: path,
      })),
    ]
    const count = own.length === 1 ? '1 worktree' : `${own.length} worktrees`
    return findings.length > 0
      ? findings
      : [{ id: 'leases.ok', severity: 'ok', message: `${count}, none of them stale` }]
  },
}
