/** agent-isolate gc */
import { collectGarbage, type Garbage, type GarbageResult } from '../lib/lifecycle/collect-garbage.ts'
import type { Orphan } from '../lib/lifecycle/collect-orphans.ts'
import { adviceOn } from '../lib/lifecycle/lease-advice.ts'
import { describeFailure } from '../lib/report/isolate-error.ts'
import { stderrReporter } from '../lib/report/reporter.ts'
import type { Command } from './command.ts'
import { describeDamaged } from './damaged-lease.ts'

const help = `agent-isolate gc [--dry-run] [--unreachable] [--json] [-C DIR]

Releases what dead worktrees of this machine hold: those whose folder is gone, and
those whose creation or removal was killed; and the containers, volumes and databases
with the mark of this machine that no worktree knows of, on the container engine and
on the server that this repository names. Nothing alive is touched. A repository that
cannot be reached may be on a disk that comes back, so its worktrees are kept.

  --dry-run            say what would be done, and do nothing
  --unreachable        release worktrees whose repository is gone (their ports,
                       containers and databases), and what removed worktrees left on
                       engines and servers that cannot be reached
  --json               { leases: [{ name, path, repository, ports, action, outcome,
                       error }], orphans: [{ kind, name, place, outcome, error }],
                       damaged, temporaryFiles }; action is keep, release, leave or
                       forget; outcome planned, done, busy, postponed or failed
  -C, --directory DIR  work as if started in DIR

Example:
  agent-isolate gc --dry-run

Exit codes: 0 done, 1 something could not be released (with --json see "outcome",
or {"error": {"message", "hint"}} on stdout), 2 wrong usage.`

export const command: Command = {
  syntax: { flags: ['dry-run', 'json', 'unreachable'] },
  help,
  async run({ flags }) {
    const isDryRun = flags.has('dry-run')
    const withUnreachable = flags.has('unreachable')
    const cwd = process.cwd()
    const garbage = await collectGarbage({ cwd, isDryRun, withUnreachable, reporter: stderrReporter })
    const hasFailed = [...garbage.results, ...garbage.orphans].some(
      ({ outcome }) => outcome === 'failed' || outcome === 'postponed',
    )
    return { text: describeGarbage(garbage, isDryRun), json: garbageJson(garbage), exitCode: hasFailed ? 1 : 0 }
  },
}

function describeGarbage({ results, orphans, damaged, temporaryFiles }: Garbage, isDryRun: boolean): string {
  const lines = results.filter(({ action }) => action !== 'keep').map(describeResult)
  lines.push(...orphans.map(describeOrphan))
  const files = temporaryFiles === 1 ? '1 temporary file' : `${temporaryFiles} temporary files`
  if (temporaryFiles > 0) lines.push(`${isDryRun ? 'would remove' : 'removed'} ${files} of dead processes`)
  lines.push(...damaged.map(describeDamaged))
  const kept = results.length - results.filter(({ action }) => action !== 'keep').length
  if (lines.length === 0) lines.push('nothing to release')
  return [...lines, ...(kept === 0 ? [] : [`kept: ${kept} alive`])].join('\n')
}

function describeResult({ lease, verdict, action, outcome, failure }: GarbageResult): string {
  const what = `${lease.name} (${lease.worktree}, ports ${lease.block}–${lease.block + 9})`
  if (outcome === 'failed') return `failed: ${what}: ${describeFailure(failure)}`
  if (action === 'leave') {
    return `out of reach: ${what}; if ${lease.root} was renamed, run agent-isolate gc in it; if it is gone for good: agent-isolate gc --unreachable`
  }
  if (outcome === 'postponed') {
    return `left for later: ${what}: some of it is out of reach; if that is for good: agent-isolate gc --unreachable`
  }
  if (outcome === 'busy') return `left to another process: ${what}`
  if (outcome !== 'planned') return `released ${what}`
  const { what: reason = '', hint = '' } = verdict === 'finish' ? (adviceOn(lease, verdict) ?? {}) : {}
  return `would release ${what}${reason === '' ? '' : `: ${reason}. ${hint}`}`
}

function describeOrphan({ kind, name, place, outcome, failure }: Orphan): string {
  const what = `the ${kind} ${name} (${place}), of no worktree`
  if (outcome === 'failed') return `failed: ${what}: ${describeFailure(failure)}`
  return `${outcome === 'planned' ? 'would remove' : 'removed'} ${what}`
}

function garbageJson({ results, orphans, damaged, temporaryFiles }: Garbage): unknown {
  const leases = results.map(({ lease, action, outcome, failure }) => {
    const { name, worktree: path, root: repository, ports } = lease
    const error = failure === undefined ? null : describeFailure(failure)
    return { name, path, repository, ports, action, outcome, error }
  })
  const leftOver = orphans.map(({ failure, ...orphan }) => ({
    ...orphan,
    error: failure === undefined ? null : describeFailure(failure),
  }))
  return { leases, orphans: leftOver, damaged, temporaryFiles }
}
