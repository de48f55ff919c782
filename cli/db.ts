/** agent-isolate db */
import { requireDatabase, resetDatabase } from '../lib/database/database.ts'
import { sqliteUrl, type Database } from '../lib/database/of-lease.ts'
import type { DatabasePurpose } from '../lib/database/purpose.ts'
import type { Lease } from '../lib/ledger/lease.ts'
import { reloadLease } from '../lib/ledger/ledger.ts'
import { withWorktreeLock } from '../lib/ledger/worktree-lock.ts'
import { judgeHeld } from '../lib/lifecycle/judge-leases.ts'
import { notUsable } from '../lib/lifecycle/lease-advice.ts'
import { databaseOptions } from '../lib/lifecycle/prepare.ts'
import { isWithinSetUp, runSetup } from '../lib/lifecycle/project-commands.ts'
import { loadProjectOf, type Project } from '../lib/project/project.ts'
import { IsolateError } from '../lib/report/isolate-error.ts'
import { stderrReporter } from '../lib/report/reporter.ts'
import type { Answer, Command } from './command.ts'
import { requireCurrentLease } from './current-lease.ts'
import { openDatabaseShell } from './database-shell.ts'
import { databaseJson } from './lease-json.ts'
import { UsageError } from './usage-error.ts'

const help = `agent-isolate db url|reset|psql [--test] [--no-setup] [--name NAME] [--json] [-C DIR]

url    prints the URL of the database of the worktree we are in; of several files
       ("database.path") each on a line, the first one first
reset  throws away what is in it, puts its seed back ("database.seed", the template that
       it was cloned from, or the main checkout's own database) and runs the "setup"
       commands, as at its creation; prints the URL. Sessions on a server are ended;
       programs that have a file open must open it anew.
psql   opens a shell on it: psql (of this machine, or in the container), or sqlite3

  --test               the worktree's second database, for its tests; no set-up then
  --no-setup           reset without the "setup" commands
  --name NAME          of that worktree of this repository instead
  --json               { url, path }, with "further" for more files; on a server
                       { url, name, host, port, user }
  -C, --directory DIR  work as if started in DIR

Example:
  agent-isolate db reset && npm test

Exit codes: 0 done, 1 failed (with --json {"error": {"message", "hint"}} on stdout),
2 wrong usage; those of the shell with psql.`

export const command: Command = {
  syntax: { operands: ['"url", "reset" or "psql"'], flags: ['json', 'no-setup', 'test'], texts: ['name'] },
  help,
  async run({ operands: [action], flags, texts }) {
    if (action !== 'url' && action !== 'reset' && action !== 'psql') {
      throw new UsageError(`agent-isolate db does not know "${action}"`, {
        hint: 'agent-isolate db url, db reset, or db psql',
      })
    }
    const purpose = flags.has('test') ? 'test' : 'development'
    const { repository, lease } = await requireCurrentLease(texts.get('name'))
    if (action === 'url') return answer(requireDatabase(lease, purpose))
    const withSetup = purpose === 'development' && !flags.has('no-setup')
    if (action === 'reset') return answer(await reset(await loadProjectOf(repository), lease, purpose, withSetup))
    return { exitCode: await openDatabaseShell(lease, requireDatabase(lease, purpose)) }
  },
}

/** A set-up command may ask for it: then whoever runs it holds the lock, and goes on with the set-up. */
async function reset(project: Project, lease: Lease, purpose: DatabasePurpose, withSetup: boolean): Promise<Database> {
  const reporter = stderrReporter
  const work = (current: Lease): Promise<Database> =>
    resetDatabase(project, current, purpose, databaseOptions(project, { reporter }))
  if (isWithinSetUp(lease)) return work(lease)
  return withWorktreeLock(lease, { reporter }, async () => {
    // Whoever held the lock may have removed the worktree.
    const current = reloadLease(lease)
    if (current === undefined) throw new IsolateError(`${lease.worktree} has just been removed`)
    const verdict = await judgeHeld(current)
    if (verdict !== 'use') throw notUsable(current, verdict)
    const database = await work(current)
    if (withSetup) await runSetup(project, reloadLease(lease) ?? current, { reporter })
    return database
  })
}

function answer(database: Database): Answer {
  const further = database.kind === 'sqlite' ? database.further.map(sqliteUrl) : []
  return { text: [database.url, ...further].join('\n'), json: databaseJson(database) }
}
