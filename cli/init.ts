/** agent-isolate init */
import { actionOf, describeNotes, listFiles, nextStep } from '../init/describe-plan.ts'
import type { InitPlan } from '../init/file-change.ts'
import { questionsLeft } from '../init/given-answers.ts'
import { hasTerminal } from '../init/prompts.ts'
import { renderPlan } from '../init/render-plan.ts'
import { runWizard, type WizardResult } from '../init/wizard.ts'
import { requireRepository } from '../lib/git/repository.ts'
import { wantsColors } from './colors.ts'
import type { Command } from './command.ts'
import { answerOptions, parseGivenAnswers, renderAnswerOptions } from './init-flags.ts'
import { stdoutLook } from './stdout-look.ts'
import { UsageError } from './usage-error.ts'
import { findVersion } from './version.ts'

const help = `agent-isolate init [--yes | --dry-run] [OPTIONS] [--json] [-C DIR]

Sets this repository up for Claude Code: looks what is in it, asks what it cannot
know, shows every change, writes them all or none. Without options it asks; a
question whose option is given is not asked. Can be repeated: changes only what has
to change. Its agent-isolate.json is trusted then, as by agent-isolate trust.

${renderAnswerOptions()}
  --yes                  take the default for every question that is left
  --dry-run              print the changes, make none; asks nothing
  --overwrite-edited     replace copied files of ours that somebody has edited
  --json                 { outcome, root, files: [{ path, action }], kept, trusted,
                         notes } and the answers; outcome is written, unchanged,
                         planned or cancelled
  -C, --directory DIR    work as if started in DIR

With --yes a project on PostgreSQL gets postgres-docker where docker answers and the
project can fill a new database (it has migrations, or a compose file with PostgreSQL),
postgres-server where the server of its URL answers and lets the role make databases,
and none otherwise: then a compose file's own server, on a port of each worktree's.

Example:
  agent-isolate init --yes --database-path prisma/dev.db --setup "npx prisma generate"
  agent-isolate init --yes --database postgres-server --url-variable DATABASE_URL

Exit codes: 0 done, or nothing to do; 1 failed, nothing changed; 2 wrong usage, or
no terminal to ask in; 130 left by Esc, Ctrl-C or "No", nothing changed.`

export const command: Command = {
  syntax: { flags: ['json', 'yes', 'dry-run', 'overwrite-edited'], texts: answerOptions },
  help,
  async run({ flags, texts, lists }) {
    const given = parseGivenAnswers({ texts, lists })
    const isQuiet = flags.has('yes') || flags.has('dry-run')
    if (!isQuiet && !hasTerminal()) throw noTerminal(questionsLeft(given))
    const result = await runWizard(await requireRepository(process.cwd()), {
      given,
      asks: !isQuiet,
      writes: !flags.has('dry-run'),
      edited: flags.has('overwrite-edited') ? 'overwrite' : undefined,
      title: `agent-isolate ${findVersion()}`,
      color: wantsColors(process.env, process.stderr.isTTY),
    })
    if (result.outcome === 'cancelled') return { json: { outcome: result.outcome }, exitCode: 130 }
    // Whoever was asked has seen it all on the way.
    return { json: resultJson(result), ...(isQuiet ? { text: describe(result) } : {}) }
  },
}

type Outcome = Exclude<WizardResult, { outcome: 'cancelled' }>

function resultJson({ outcome, place, answers, plan, trusted }: Outcome): unknown {
  const files = plan.changes.map((change) => ({ path: change.path, action: actionOf(change) }))
  return { outcome, root: place.root, ...answers, files, kept: plan.conflicts, trusted, notes: plan.notes }
}

function describe({ outcome, place: { root }, plan, trusted }: Outcome): string {
  const width = process.stdout.columns ?? 80
  const notes = describeNotes(plan, root, width).flatMap((lines) => ['', ...lines])
  if (outcome === 'planned') return [describeChanges(plan, root), ...notes].join('\n')
  return [
    ...(outcome === 'unchanged' ? ['nothing to change: all is in place'] : listFiles(plan, root)),
    ...(trusted.length === 0 ? [] : ['trusted to run here, in new worktrees:', ...trusted.map((each) => `  ${each}`)]),
    ...notes,
    '',
    nextStep,
  ].join('\n')
}

function describeChanges(plan: InitPlan, root: string): string {
  return plan.isEmpty ? 'nothing to change: all is in place' : renderPlan(plan, stdoutLook(root))
}

function noTerminal(options: readonly string[]): UsageError {
  const left = options.length === 0 ? '' : ` Left to ask: ${options.map((option) => `--${option}`).join(', ')}.`
  return new UsageError('agent-isolate init asks before it writes, and there is no terminal to ask in', {
    hint: `Give --yes, which takes the defaults for what no option answers.${left}`,
  })
}
