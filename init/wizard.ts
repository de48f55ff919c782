/**
 * `init` from beginning to end: detect, ask, show, confirm, write, trust. Nothing is written before the last question is
 * answered, and then all of it or nothing.
 */
import { join } from 'node:path'
import { cancel, intro, log, outro } from '@clack/prompts'
import { configFileName, loadConfig, parseConfig, type Config } from '../lib/project/config.ts'
import { hideSecrets } from '../lib/report/hide-secrets.ts'
import { isWithin } from '../lib/files/inner-path.ts'
import { readIfFile } from '../lib/files/read-if-any.ts'
import { IsolateError } from '../lib/report/isolate-error.ts'
import type { Repository } from '../lib/git/repository.ts'
import type { Answers, DatabaseOffers, GivenAnswers, InitPlace, Provider } from './answers.ts'
import { applyPlan, sweepInterrupted } from './apply.ts'
import { askAnswers } from './ask-answers.ts'
import { recordTrust } from './consent.ts'
import { describeDetection } from './describe-detection.ts'
import { describeNotes, listTrusted, nextStep, shortPath } from './describe-plan.ts'
import { detectRepository, type Detection } from '../detect/detect.ts'
import { usesPostgres } from '../detect/postgres.ts'
import { breakAtWidth, displayWidth } from './display-width.ts'
import { findDocker } from '../detect/find-docker.ts'
import { completeAnswers, providerOf } from './given-answers.ts'
import { preferInstalled } from './installed-answers.ts'
import type { InitPlan } from './file-change.ts'
import { planInit } from './plan.ts'
import { askYes, Cancelled, preparePrompts, screen } from './prompts.ts'
import { renderPlan } from './render-plan.ts'
import { findServer } from './find-server.ts'
import { findServices } from './find-services.ts'
import { explainProvider } from './questions/database.ts'
import { fitSetup } from './questions/migrations.ts'
import { listExcludable } from './questions/worktree.ts'
import { suggestAnswers, suggestOffers } from './suggest-answers.ts'
import { findToolEdits } from './tool-ignores.ts'

export type WizardOptions = {
  given: GivenAnswers
  /** False: the defaults are taken, and nothing is confirmed. */
  asks: boolean
  writes: boolean
  /** For copied files of ours that somebody has edited; undefined: ask, or keep them. */
  edited: 'keep' | 'overwrite' | undefined
  /** The first line of the conversation. */
  title: string
  color: boolean
  /** Whether to ask for a trial, where there is set-up to be tried; false where that is decided. */
  asksTrial: boolean
}

/** `planned` is what `writes: false` comes to, `unchanged` when nothing had to be written. */
export type WizardResult =
  | { outcome: 'cancelled' }
  | {
      outcome: 'written' | 'planned' | 'unchanged'
      place: InitPlace
      answers: Answers
      plan: InitPlan
      /** What the repository may have run here from now on. */
      trusted: readonly string[]
      /** Whether somebody who was asked wants a worktree to be tried. */
      wantsTrial: boolean
    }

/** Throws `IsolateError`; a user who leaves is a result. */
export async function runWizard(repository: Repository, options: WizardOptions): Promise<WizardResult> {
  const place = findPlace(repository)
  try {
    return options.asks ? await converse(place, options) : await work(place, options)
  } catch (error) {
    if (!(error instanceof Cancelled)) throw error
    cancel('Nothing was changed.', { output: screen })
    return { outcome: 'cancelled' }
  }
}

/** The main checkout: its agent-isolate.json is the one that counts. Throws `IsolateError` for a bare repository without a checkout. */
export function findPlace({ source, commonDir }: Repository): InitPlace {
  if (source === undefined) {
    throw new IsolateError(`${commonDir} is a bare repository, and this is not one of its worktrees`, {
      hint: 'Run this in one of its worktrees.',
    })
  }
  return { root: source, home: process.env['HOME'] || undefined }
}

/** Without a word. */
async function work(place: InitPlace, { given, edited, writes }: WizardOptions): Promise<WizardResult> {
  const detection = await detectRepository(place.root)
  const defaults = preferInstalled(suggestAnswers(detection, await findEngines(place, detection)), place)
  const [from, to] = [defaults.database.provider, providerOf(given, defaults)]
  const setup = fitSetup(defaults.setup, detection, { from, to })
  const answers = completeAnswers(given, { ...defaults, setup }, suggestOffers(detection, to))
  const services = await findServices(place.root, detection)
  const plan = await planInit(place, answers, detection, { edited: edited ?? 'keep', services })
  return finish({ place, answers, plan }, writes)
}

async function converse(place: InitPlace, options: WizardOptions): Promise<WizardResult> {
  preparePrompts()
  intro(`${options.title}  ${fromHome(place)}`, { output: screen })
  const detection = await detectRepository(place.root)
  say(describeDetection(detection))
  const engines = await findEngines(place, detection)
  const suggested = suggestAnswers(detection, engines)
  const defaults = preferInstalled(suggested, place)
  const from = defaults.database.provider
  const offersOf = (provider: Provider): DatabaseOffers => suggestOffers(detection, provider)
  const context = {
    defaults,
    reason: from === suggested.database.provider ? explainProvider(detection, from, engines) : undefined,
    hasPostgres: usesPostgres(detection) || from.startsWith('postgres'),
    setupFor: (to: Provider): readonly string[] => fitSetup(defaults.setup, detection, { from, to }),
    excludePatterns: listExcludable(detection),
    hasPackages: detection.packageManager !== undefined,
    hasPython: detection.python !== undefined,
    hasHome: place.home !== undefined,
    toolFiles: listToolFiles(place, detection),
  }
  const given = await askAnswers(options.given, context, offersOf)
  const answers = completeAnswers(given, defaults, offersOf(providerOf(given, defaults)))
  const plan = await planWithConsent(place, answers, detection, options.edited)
  if (!plan.isEmpty) say(renderPlan(plan, { color: options.color, width: textWidth(), root: place.root }).split('\n'))
  for (const note of describeNotes(plan, place.root, textWidth())) say(note)
  if (!plan.isEmpty) await confirmPlan(place, plan)
  const result = await finish({ place, answers, plan }, true)
  const wantsTrial = options.asksTrial && !plan.isEmpty && answers.setup.length > 0 && (await askTrial())
  outro(plan.isEmpty ? `Nothing to change. ${nextStep}` : `Done. ${nextStep}`, { output: screen })
  return { ...result, wantsTrial }
}

/** All is written by now: whoever leaves here wants no trial, and nothing undone. */
async function askTrial(): Promise<boolean> {
  try {
    return await askYes('Try it now? A worktree is made, set up and removed', true)
  } catch (error) {
    if (error instanceof Cancelled) return false
    throw error
  }
}

/** Only a project on PostgreSQL has the engine asked whether it is there, and its server only where that is of use. */
async function findEngines(
  place: InitPlace,
  detection: Detection,
): Promise<{ hasDocker: boolean; hasServer: boolean }> {
  if (!usesPostgres(detection)) return { hasDocker: false, hasServer: false }
  const [docker, hasServer] = await Promise.all([findDocker(), findServer(place.root, detection)])
  return { hasDocker: docker !== undefined, hasServer }
}

function listToolFiles({ root }: InitPlace, { files }: Detection): string[] {
  const { folder } = loadConfig(root).config.worktrees
  return [...findToolEdits({ root, files, folder, gitignore: readIfFile(join(root, '.gitignore')) }).keys()]
}

/** Copied files of ours that have been edited are replaced only when somebody says so. */
async function planWithConsent(
  place: InitPlace,
  answers: Answers,
  detection: Detection,
  edited: WizardOptions['edited'],
): Promise<InitPlan> {
  const services = await findServices(place.root, detection)
  const plan = await planInit(place, answers, detection, { edited: edited ?? 'keep', services })
  if (edited !== undefined || plan.conflicts.length === 0) return plan
  say(['These copies of ours have been edited:', ...plan.conflicts.map((path) => `  ${shortPath(path, place.root)}`)])
  if (!(await askYes('Replace them? (No keeps them as they are)', false))) return plan
  return planInit(place, answers, detection, { edited: 'overwrite', services })
}

async function confirmPlan(place: InitPlace, plan: InitPlan): Promise<void> {
  const trusted = listTrusted(configAfter(place, plan))
  if (trusted.length > 0)
    say(['New worktrees will be allowed to run this here:', ...trusted.map((each) => `  ${each}`)])
  if (!(await askYes('Write these changes?', true))) throw new Cancelled()
}

/** Trust is given even where nothing has to be written: a colleague's clone has the files and not the trust. */
async function finish(
  { place, answers, plan }: { place: InitPlace; answers: Answers; plan: InitPlan },
  writes: boolean,
): Promise<Exclude<WizardResult, { outcome: 'cancelled' }>> {
  const result = { place, answers, plan, wantsTrial: false, trusted: listTrusted(configAfter(place, plan)) }
  if (!writes) return { outcome: 'planned', ...result }
  sweepInterrupted(place)
  applyPlan(plan)
  await recordTrust(place)
  return { outcome: plan.isEmpty ? 'unchanged' : 'written', ...result }
}

function configAfter({ root }: InitPlace, plan: InitPlan): Config {
  const path = join(root, configFileName)
  const change = plan.changes.find((each) => each.path === path)
  return change === undefined ? loadConfig(root).config : parseConfig(change.after ?? '', path)
}

/** Lines beside the wizard's guide; none at all where there are none. */
function say(lines: readonly string[]): void {
  if (lines.length > 0)
    log.message(lines.map((line) => hideSecrets(line, { keeps: 'code' })).flatMap(fitToGuide), { output: screen })
}

/** A terminal breaks a line that is too long for it without the guide at its left. */
function fitToGuide(line: string): string[] {
  return displayWidth(line) <= textWidth() ? [line] : breakAtWidth(line, textWidth())
}

/** Columns right of the guide and its two blanks. */
function textWidth(): number {
  return Math.max(40, screen.columns - 3)
}

/** `~/code/shop`: as a person knows the place, and short enough for a line. */
function fromHome({ root, home }: InitPlace): string {
  return home !== undefined && root !== home && isWithin(home, root) ? `~${root.slice(home.length)}` : root
}
