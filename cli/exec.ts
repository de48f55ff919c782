/** agent-isolate exec */
import { databaseOf } from '../lib/database/of-lease.ts'
import { describeMissing } from '../lib/environment/retarget.ts'
import type { Lease } from '../lib/ledger/lease.ts'
import { findListeners } from '../lib/processes/listeners.ts'
import { stderrReporter } from '../lib/report/reporter.ts'
import type { Command } from './command.ts'
import { requireCurrentEnvironment } from './current-environment.ts'
import { describeListener, listenersOf } from './port-listeners.ts'
import { runInForeground } from './run-in-foreground.ts'
import { refuseSiblingServers } from './sibling-servers.ts'

const help = `agent-isolate exec [--name NAME] [--own-ports] [-C DIR] -- COMMAND [ARGS…]

Runs a command in the current folder with the environment of the worktree we are in:
PORT, DATABASE_URL and whatever else its template sets; what the main checkout has on
PATH (an activated virtualenv, node_modules/.bin) is the worktree's own. Signals are
passed on. Warns when somebody outside the worktree listens on one of its ports.

  --name NAME          in the folder and environment of that worktree of this
                       repository instead
  --own-ports          start nothing while a server of another worktree, or of the main
                       checkout, is where this worktree's tests would look for theirs:
                       at a port that a config of Playwright or Cypress says, or one of
                       "ports.remap"; says whose server it is
  -C, --directory DIR  work as if started in DIR

Example:
  agent-isolate exec -- npm run dev
  agent-isolate exec --own-ports -- npx playwright test

Exit codes: the command's own; 128 + n when signal n ended it; 126 it is not
executable; 127 there is none; 1 no such worktree, or a server in the way; 2 wrong
usage.`

export const command: Command = {
  syntax: { texts: ['name'], flags: ['own-ports'], takesCommandLine: true },
  help,
  async run({ texts, flags, commandLine: [program = '', ...args] }) {
    const name = texts.get('name')
    const { lease, variables, missing } = await requireCurrentEnvironment(name)
    if (flags.has('own-ports')) await refuseSiblingServers(lease, variables)
    const advice = describeMissing(missing)
    if (advice !== undefined) stderrReporter.warn(advice)
    await Promise.all([warnOfStrangers(lease), warnOfMissingDatabase(lease)])
    const cwd = name === undefined ? process.cwd() : lease.worktree
    const env = { ...process.env, ...variables, PWD: cwd }
    return { exitCode: await runInForeground(program, args, { cwd, env }) }
  },
}

/** A container stops with its engine. */
async function warnOfMissingDatabase(lease: Lease): Promise<void> {
  const database = databaseOf(lease)
  if (database?.kind !== 'postgres' || database.on === 'server') return
  const { hasDatabase } = await import('../lib/database/postgres/client/has-database.ts')
  if (!(await hasDatabase(database))) {
    stderrReporter.warn('the database of this worktree does not answer; start it again: agent-isolate setup')
  }
}

/** A port that was free when it was leased may have been taken since. */
async function warnOfStrangers(lease: Lease): Promise<void> {
  const found = await findListeners(Object.values(lease.ports))
  for (const listener of listenersOf(lease, found)) {
    if (listener.isStranger === false) continue
    stderrReporter.warn(
      `port ${listener.port} (${listener.name}) of this worktree is taken from outside it: ${describeListener(listener)}. ` +
        `End that process, or use another port of ${lease.block}–${lease.block + 9}; the code is not at fault.`,
    )
  }
}
