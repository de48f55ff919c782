/** agent-isolate uninstall */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { InitPlace, Scope } from '../init/answers.ts'
import { applyPlan, sweepInterrupted } from '../init/apply.ts'
import { actionOf, describeNotes, listFiles } from '../init/describe-plan.ts'
import type { InitPlan } from '../init/file-change.ts'
import { askYes, Cancelled, hasTerminal, preparePrompts, screen } from '../init/prompts.ts'
import { renderPlan } from '../init/render-plan.ts'
import { planUninstall } from '../init/uninstall.ts'
import { findPlace } from '../init/wizard.ts'
import { loadLedger } from '../lib/ledger/ledger.ts'
import { requireRepository } from '../lib/git/repository.ts'
import { stateFolder } from '../lib/state/state-folder.ts'
import { distrust } from '../lib/project/trust.ts'
import { wantsColors } from './colors.ts'
import type { Answer, Command } from './command.ts'
import { parseScope } from './init-flags.ts'
import { stdoutLook } from './stdout-look.ts'
import { UsageError } from './usage-error.ts'

const help = `agent-isolate uninstall [--scope SCOPE] [--yes | --dry-run] [--json] [-C DIR]

Takes out what "agent-isolate init" wrote, and nothing else: hooks and rules in
settings.json, the copied program, our lines in .gitignore, agent-isolate.json and
the template where nobody has edited them. Shows it first and asks. Takes back the
repository's trust. Worktrees stay: agent-isolate remove NAME.

  --scope SCOPE        only what one set-up wrote: project or local for this
                       repository's, user for that in your home (~/.claude)
  --yes                do not ask
  --dry-run            print what would go, change nothing
  --json               { outcome, root, files: [{ path, action }], kept, trustRevoked }
  -C, --directory DIR  work as if started in DIR

Example:
  agent-isolate uninstall --dry-run

Exit codes: 0 done, or nothing to do; 1 failed, nothing changed; 2 wrong usage, or
no terminal to ask in; 130 left by Esc, Ctrl-C or "No", nothing changed.`

export const command: Command = {
  syntax: { flags: ['json', 'yes', 'dry-run'], texts: ['scope'] },
  help,
  async run({ flags, texts }) {
    const scope = parseScope(texts)
    const asks = !flags.has('yes') && !flags.has('dry-run')
    if (asks && !hasTerminal()) throw noTerminal()
    const repository = await requireRepository(process.cwd())
    const place = findPlace(repository)
    const found = await planUninstall(place, scope === undefined ? undefined : originOf(scope))
    const plan = { ...found, notes: [...found.notes, ...describeWorktrees(repository.commonDir)] }
    if (flags.has('dry-run')) return answerOf('planned', place, plan, false)
    if (asks && !plan.isEmpty && !(await isConfirmed(plan, place.root)))
      return { json: { outcome: 'cancelled' }, exitCode: 130 }
    sweepInterrupted(place)
    applyPlan(plan)
    const isRevoked = await distrust(repository.commonDir)
    return answerOf(plan.isEmpty && !isRevoked ? 'unchanged' : 'removed', place, plan, isRevoked)
  },
}

/** They go on without us; what they hold is released by `remove` alone. */
function describeWorktrees(commonDir: string): string[] {
  // To look makes no folder.
  if (!existsSync(join(stateFolder(), 'leases'))) return []
  const names = loadLedger()
    .leases.filter((lease) => lease.commonDir === commonDir && lease.isShared !== true)
    .map(({ name }) => name)
  if (names.length === 0) return []
  const commands = names.map((name) => `  npx agent-isolate remove ${name}`).join('\n')
  return [`Worktrees with ports and databases of their own are left. When they are no longer wanted:\n${commands}`]
}

/** Both of a repository's own settings files belong to the copy that lies in it. */
function originOf(scope: Scope): 'repository' | 'user' {
  return scope === 'user' ? 'user' : 'repository'
}

async function isConfirmed(plan: InitPlan, root: string): Promise<boolean> {
  preparePrompts()
  const color = wantsColors(process.env, screen.isTTY)
  screen.write(`${renderPlan(plan, { color, width: screen.columns, root })}\n`)
  try {
    return await askYes('Take this out?', true)
  } catch (error) {
    if (!(error instanceof Cancelled)) throw error
    return false
  }
}

function answerOf(
  outcome: 'removed' | 'unchanged' | 'planned',
  { root }: InitPlace,
  plan: InitPlan,
  trustRevoked: boolean,
): Answer {
  const files = plan.changes.map((change) => ({ path: change.path, action: actionOf(change) }))
  const done = outcome === 'planned' ? [renderPlan(plan, stdoutLook(root))] : listFiles(plan, root)
  const notes = describeNotes(plan, root, process.stdout.columns ?? 80).flatMap((lines) => ['', ...lines])
  const text = [
    ...(plan.isEmpty ? ['nothing to take out: init has written nothing here'] : done),
    ...(trustRevoked ? ['no longer trusted'] : []),
    ...notes,
  ]
  return { text: text.join('\n'), json: { outcome, root, files, kept: plan.conflicts, trustRevoked } }
}

function noTerminal(): UsageError {
  return new UsageError('agent-isolate uninstall asks before it removes, and there is no terminal to ask in', {
    hint: 'Give --yes; see first what would go: agent-isolate uninstall --dry-run',
  })
}
