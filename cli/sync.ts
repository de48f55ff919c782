/** agent-isolate sync */
import { loadGitConfig } from '../lib/git/git-config.ts'
import { sourcePlace } from '../lib/git/repository.ts'
import { syncWorktree, type SyncResult } from '../lib/git/sync.ts'
import { requireLinkedWorktree } from '../lib/lifecycle/require-lease.ts'
import { loadProject } from '../lib/project/project.ts'
import { count } from '../lib/report/count.ts'
import { stderrReporter } from '../lib/report/reporter.ts'
import type { Command } from './command.ts'

const help = `agent-isolate sync [--json] [-C DIR]

Fetches the upstream (origin's default branch, or "sync.upstream" in
agent-isolate.json) and brings the branch of the worktree we are in up to date: by
fast-forward or rebase, or by a merge where its commits have been pushed. On a
conflict nothing is changed. Meant for just before the tests are run.

  --json               { status, behind, ahead, dropped, upstream, base }; status
                       is up-to-date, fast-forwarded, rebased or merged
  -C, --directory DIR  work as if started in DIR

Example:
  agent-isolate sync && npm test

Exit codes: 0 up to date, 1 failed (with --json {"error": {"message", "hint"}} on
stdout), 2 wrong usage.`

export const command: Command = {
  syntax: { flags: ['json'] },
  help,
  async run() {
    const project = await loadProject(process.cwd())
    const { repository, config } = project
    const place = sourcePlace(repository)
    const result = await syncWorktree({
      worktree: requireLinkedWorktree(project),
      place,
      config: await loadGitConfig(place),
      commonDir: repository.commonDir,
      configured: config.sync.upstream,
      // Who asks for it by hand wants the newest.
      mode: config.sync.fetch === 'never' ? 'never' : 'always',
      staleAfterMs: 0,
      timeoutMs: config.sync.timeoutMs,
      reporter: stderrReporter,
    })
    return { text: describe(result), json: result }
  },
}

function describe({ status, behind, ahead, dropped, upstream }: SyncResult): string {
  const gone =
    dropped === 0
      ? ''
      : `, ${count(dropped, 'commit')} that it has dropped ${status === 'rebased' ? 'left out' : 'kept'}`
  const own = `${gone}${ahead === 0 ? '' : `, ${count(ahead, 'commit')} of its own`}`
  if (status === 'up-to-date') return `up to date with ${upstream}${own}`
  const done = { 'fast-forwarded': 'fast-forwarded to', rebased: 'rebased onto', merged: 'merged with' }[status]
  return `${done} ${upstream}: ${count(behind, 'commit')} taken in${own}`
}
