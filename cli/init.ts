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
import { stderrReporter } from '../lib/report/reporter.ts'
import { stdoutLook } from './stdout-look.ts'
import { firstFindings, tryOut, type Trial } from './trial.ts'
import { UsageError } from './usage-error.ts'
import { findVersion } from './version.ts'

const help = `agent-isolate init [--yes | --dry-run] [OPTIONS] [--json] [-C DIR]

Sets this repository up for Claude Code: looks what is in it, asks what it cannot
know, shows every change, writes them all or none. Without options it asks; a
question whose option is given is not asked. Can be repeated: changes only what has
to change. Its agent-isolate.json is trusted then, as by agent-isolate trust.

${renderAnswerOptions()}
  --yes                  take the default for every question that is left
  --trial                make a worktree in the end, run its set-up, remove it; a
                         command that fails is taken out of the set-up again; asked
                         for where there is set-up, and not done by --yes alone
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
  syntax: { flags: ['json', 'yes', 'trial', 'dry-run', 'overwrite-edited'], texts: answerOptions },
  help,
  async run({ flags, texts, lists }) {
    const given = parseGivenAnswers({ texts, lists })
    const isQuiet = flags.has('yes') || flags.has('dry-run')
    if (!isQuiet && !hasTerminal()) throw noTerminal(questionsLeft(given))
    const repository = await requireRepository(process.cwd())
    const options = {
      given,
      asks: !isQuiet,
      writes: !flags.has('dry-run'),
      edited: flags.has('overwrite-edited') ? ('overwrite' as const) : undefined,
      title: `agent-isolate ${findVersion()}`,
      color: wantsColors(process.env, process.stderr.isTTY),
      asksTrial: !flags.has('trial'),
    }
    const result = await runWizard(repository, options)
    if (result.outcome === 'cancelled') return { json: { outcome: result.outcome }, exitCode: 130 }
    const { setup } = result.answers
    const leaveOut = async (failed: readonly string[]): Promise<void> => {
      const rest = setup.filter((each) => !failed.includes(each))
      await runWizard(repository, { ...options, asks: false, given: { ...given, setup: rest } })
    }
    const isTried = (flags.has('trial') || result.wantsTrial) && result.outcome !== 'planned'
    const trial = isTried ? await tryOut(result.place.root, setup, leaveOut) : undefined
    const tried = trial === undefined ? [] : await describeTrial(trial, result.place.root)
    // Whoever was asked has seen it all on the way.
    const lines = [...(isQuiet ? [describe(result)] : []), ...tried]
    return {
      json: { ...resultJson(result), ...(trial === undefined ? {} : { trial }) },
      ...(lines.length === 0 ? {} : { text: lines.join('\n') }),
      exitCode: trial?.fault === undefined ? 0 : 1,
    }
  },
}

async function describeTrial({ failed, fault }: Trial, root: string): Promise<string[]> {
  const found = await firstFindings(root, stderrReporter)
  return [
    '',
    ...failed.map((each) => `taken out of the set-up, as it fails: ${each.command}\n  ${each.message}`),
    fault === undefined ? 'tried: a worktree was made, set up and removed' : `tried: no worktree comes: ${fault}`,
    ...(found.length === 0 ? [] : ['npx agent-isolate doctor tells more:', ...found]),
  ]
}

type Outcome = Exclude<WizardResult, { outcome: 'cancelled' }>

function resultJson({ outcome, place, answers, plan, trusted }: Outcome): object {
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
