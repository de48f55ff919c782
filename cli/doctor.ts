/** agent-isolate doctor */
import type { Coverage } from '../detect/source/coverage.ts'
import type { Finding } from '../doctor/check.ts'
import { examine, repair, type Examined } from '../doctor/examine.ts'
import { loadContext } from '../doctor/load-context.ts'
import { stderrReporter } from '../lib/report/reporter.ts'
import { stdoutColors } from './colors.ts'
import type { Command } from './command.ts'
import { renderFindings } from './doctor-text.ts'

const help = `agent-isolate doctor [--fix] [--json] [-C DIR]

Tells whether everything is in place for agents to work side by side: Claude Code's
settings, the hooks (WorktreeCreate is run once, against a repository made for it),
git, ignore rules, template, database, upstream, stale leases; and what in the code
would make worktrees collide: ports written into it, frameworks that do not ask for
PORT, databases that all would share, each with the line to write instead.
Code is what git tracks; documentation, comments, dependencies, build output and CI are
left out. What was read is told by kind of file, and so is what was not: nothing is said
of those. A port that PORT overrides (process.env.PORT || 3000) is right. A hook that
came with the repository is run, and a PostgreSQL server that it names is asked, only
where it is trusted. Docker is asked only where the database is to be in a container.

  --fix                repair what is ours: ignore rules, stale leases; never your code
  --json               { ok, findings: [{ id, check, severity, message, why, fix,
                       file, line, fixable }], fixed: [id], read: [{ kind, files }],
                       notRead: [{ kind, files }], skipped }; severity is error,
                       warning or ok; skipped counts files too large or generated
  -C, --directory DIR  work as if started in DIR

Example:
  agent-isolate doctor --json | jq -r '.findings[] | select(.severity == "error").id'

Exit codes: 0 no errors (there may be warnings), 1 errors, or it failed (with --json
{"error": {"message", "hint"}} on stdout), 2 wrong usage.`

export const command: Command = {
  syntax: { flags: ['fix', 'json'] },
  help,
  async run({ flags }) {
    const { seen, fixed } = flags.has('fix') ? await repairAll() : { seen: await look(), fixed: [] }
    const { examined, coverage } = seen
    const text = renderFindings(examined, fixed, coverage, stdoutColors())
    const ok = !examined.some(({ findings }) => findings.some(({ severity }) => severity === 'error'))
    return {
      text,
      json: { ...doctorJson(examined, fixed, ok), ...coverage },
      exitCode: ok ? 0 : 1,
    }
  },
}

type Seen = { examined: Examined[]; coverage: Coverage }

/** Twice at most: the last stale lease takes with it what hid a missing ignore rule. */
async function repairAll(): Promise<{ seen: Seen; fixed: Finding[] }> {
  const before = await look()
  const first = await repair(before.examined)
  if (first.length === 0) return { seen: before, fixed: [] }
  const second = await repair((await look()).examined)
  return { seen: await look(), fixed: [...first, ...second] }
}

async function look(): Promise<Seen> {
  const context = await loadContext(process.cwd(), process.env, stderrReporter)
  return { examined: await examine(context), coverage: context.coverage }
}

/** What programs read: it must not change with what the checks hold. */
function doctorJson(examined: readonly Examined[], fixed: readonly Finding[], ok: boolean): object {
  const findings = examined.flatMap(({ check, findings: found }) =>
    found.map(({ id, severity, message, why, fix, file, line, repair: repairing }) => {
      const what = { id, check: check.id, severity, message, why: why ?? null, fix: fix ?? null }
      return { ...what, file: file ?? null, line: line ?? null, fixable: repairing !== undefined }
    }),
  )
  return { ok, findings, fixed: fixed.map(({ id }) => id) }
}
