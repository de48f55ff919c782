/** Whether the ledger holds what nobody uses any more, or what nobody can read. */
import { judgeLeases, type JudgedLease, type Verdict } from '../lib/lifecycle/judge-leases.ts'
import { adviceOn } from '../lib/lifecycle/lease-advice.ts'
import { loadLedger } from '../lib/ledger/ledger.ts'
import { placeLeases } from '../lib/ledger/moved-leases.ts'
import { releaseLease } from '../lib/lifecycle/release.ts'
import type { Reporter } from '../lib/report/reporter.ts'
import type { Check, Finding } from './check.ts'

export const leasesCheck: Check = {
  id: 'leases',
  title: 'Leases',
  async run({ project, reporter }) {
    const { commonDir } = project.repository
    const { leases, damaged } = loadLedger()
    const own = placeLeases(commonDir, leases).filter((lease) => lease.commonDir === commonDir && !lease.isShared)
    const judged = await judgeLeases(own)
    const findings: Finding[] = [
      ...judged.flatMap((one) => findingOn(one, reporter) ?? []),
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

/** Undefined for one that can be used, or is being made or removed just now. */
function findingOn({ lease, verdict }: JudgedLease, reporter: Reporter): Finding | undefined {
  const advice = verdict === 'wait' ? undefined : adviceOn(lease, verdict)
  if (advice === undefined) return undefined
  const finding: Finding = {
    id: ids[verdict],
    severity: 'warning',
    message: `${lease.name}: ${advice.what}; it holds ports ${lease.block}–${lease.block + 9}`,
    why: whys[ids[verdict]],
    fix: advice.hint,
  }
  // What can be finished is not for us to release.
  return verdict === 'release'
    ? { ...finding, repair: async () => void (await releaseLease(lease, reporter)) }
    : finding
}

const ids = {
  use: 'leases.moved',
  wait: 'leases.stale',
  finish: 'leases.interrupted',
  release: 'leases.stale',
  keep: 'leases.missing',
  repair: 'leases.moved',
  'out of reach': 'leases.missing',
} as const satisfies Record<Verdict, string>

const whys = {
  'leases.stale': 'Ports and databases of dead worktrees are missing elsewhere.',
  'leases.interrupted': 'What its set-up did not come to is missing there.',
  'leases.missing': 'Its ports and databases stay taken until it comes back or is released.',
  'leases.moved': 'Its environment names the place where it was.',
} as const
