/** Carries dependency decisions out. Nothing here fails a creation: what cannot be done is a warning that names the command. */
import { mkdirSync, realpathSync, renameSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { leadsInside } from '../files/inner-path.ts'
import { errorCode, errorText } from '../report/isolate-error.ts'
import { noDeadline, type Deadline } from '../report/deadline.ts'
import type { Reporter } from '../report/reporter.ts'
import { childEnvironment, run, type Outcome } from '../processes/run.ts'
import { cloneFolder, relocatePnp } from './clone-folder.ts'
import { findStatus } from '../files/read-if-any.ts'
import { createLinkFolder, digestLinkFolder } from './links.ts'
import { inProject, type DependencyDecision } from './dependency-plan.ts'
import { startSettling } from './settle.ts'
import type { LinkedFolder } from './settle-request.ts'
import { createStaging, removeStaging, sweepStaging, type StagingPlace } from './staging.ts'

export type ApplyOptions = {
  /** Roots of the main checkout and of the worktree. */
  source: string
  worktree: string
  /** Folder of our own in the worktree's git admin folder, made where it is missing; it goes away with the worktree. */
  gitFolder: string
  decisions: readonly DependencyDecision[]
  reporter: Reporter
  deadline?: Deadline
}

type Place = StagingPlace & { source: string; worktree: string; reporter: Reporter; deadline: Deadline }

/** At most, in ms: where nobody waits for the creation, too. */
const installTimeoutMs = 9 * 60_000
/** Lines of a failed install's output that are worth showing. */
const shownLines = 15

/**
 * Makes the dependency folders that were decided on, each whole or not at all, and says a line about each decision.
 * Returns when the agent can start; folders of links are replaced by clones in the background.
 */
export async function applyDependencies(options: ApplyOptions): Promise<void> {
  const { decisions, reporter, deadline = noDeadline } = options
  mkdirSync(options.gitFolder, { recursive: true })
  const [source, worktree] = [realpathSync(options.source), realpathSync(options.worktree)]
  const place: Place = {
    source,
    worktree,
    target: worktree,
    gitFolder: realpathSync(options.gitFolder),
    reporter,
    deadline,
  }
  sweepStaging(place)
  const linked: LinkedFolder[] = []
  for (const decision of decisions) linked.push(...(await apply(place, decision)))
  await startSettling(place.gitFolder, { source, worktree, folders: linked }, reporter)
}

/** Returns the folders of links that were made. */
async function apply(place: Place, decision: DependencyDecision): Promise<LinkedFolder[]> {
  const { action } = decision
  if (action === 'install') await install(place, decision)
  if (action === 'none') announce(place, decision, 'left alone')
  if (action === 'install' || action === 'none') return []
  const made: string[] = []
  for (const folder of decision.folders) {
    if (await tryMake(place, decision, folder, action)) made.push(folder)
  }
  if (made.length > 0) announce(place, decision, doneWords[action])
  return action === 'links' ? made.map((folder) => describeLinks(place, folder)) : []
}

const doneWords = { links: 'linked package by package', symlink: 'linked', clone: 'cloned', copy: 'copied' }

function describeLinks({ worktree }: Place, folder: string): LinkedFolder {
  return { folder, digest: digestLinkFolder(join(worktree, folder)) ?? '' }
}

async function install(place: Place, decision: DependencyDecision): Promise<void> {
  const { command, project, reason, folder: own } = decision
  if (!mayWrite(place, own)) return
  const text = inProject(command, project)
  place.reporter.progress(`${nameOf(decision)}: running \`${text}\` (${reason})`)
  const timeoutMs = place.deadline.remainingMs(installTimeoutMs)
  const outcome = await runInstall(join(place.worktree, project), command, timeoutMs)
  if (outcome.code === 0) return announce(place, decision, `installed with \`${text}\``)
  place.reporter.warn(`${nameOf(decision)}: \`${text}\` failed: ${failureText(outcome, timeoutMs)}`)
  for (const folder of decision.folders.filter((one) => isDirectory(join(place.source, one)))) {
    if (await tryMake(place, decision, folder, 'clone')) {
      place.reporter.warn(
        `${folder}: cloned from the main checkout instead: versions may be wrong until \`${text}\` has run`,
      )
    }
  }
}

/** No questions: corepack's would wait for an answer that cannot come. */
function runInstall(cwd: string, [program = '', ...args]: readonly string[], timeoutMs: number): Promise<Outcome> {
  const env = childEnvironment({ COREPACK_ENABLE_DOWNLOAD_PROMPT: '0' })
  return run(program, args, { cwd, env, timeoutMs })
}

function failureText({ isMissing, timedOut, stdout, stderr, code, signal }: Outcome, timeoutMs: number): string {
  if (isMissing) return 'there is no such program on PATH'
  const why = timedOut ? `it took more than ${Math.round(timeoutMs / 1000)} s` : `it ended with ${code ?? signal}`
  const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '')
  return [why, ...lines.slice(-shownLines)].join('\n  ')
}

type Making = 'links' | 'symlink' | 'clone' | 'copy'

/** False, and a warning, where the file system would not have it. */
async function tryMake(place: Place, decision: DependencyDecision, folder: string, action: Making): Promise<boolean> {
  if (!mayWrite(place, folder)) return false
  try {
    if (action === 'symlink') makeLink(place, folder)
    else await makeAside(place, decision, folder, action)
    return true
  } catch (error) {
    if (errorCode(error) === undefined) throw error
    const { command, project } = decision
    const todo = command.length === 0 ? '' : `; run \`${inProject(command, project)}\``
    place.reporter.warn(`${folder} could not be taken over: ${errorText(error)}${todo}`)
    return false
  }
}

function makeLink({ source, worktree }: Place, folder: string): void {
  mkdirSync(dirname(join(worktree, folder)), { recursive: true })
  symlinkSync(join(source, folder), join(worktree, folder), 'junction')
}

/** False, and a warning, where a symlink on the way to the folder leads out of the worktree. */
function mayWrite({ worktree, reporter }: Place, folder: string): boolean {
  const isInside = leadsInside(worktree, folder)
  if (!isInside) reporter.warn(`${folder} is not made: a symlink on the way to it leads out of the worktree`)
  return isInside
}

/** What has come to lie there in the meantime stays; that it is a whole dependency folder is not known, so it is an error. */
async function makeAside(
  place: Place,
  { kind, shares }: DependencyDecision,
  folder: string,
  action: Making,
): Promise<void> {
  const { source, worktree } = place
  const staging = createStaging(place)
  const to = join(staging, 'whole')
  const from = realpathSync(join(source, folder))
  try {
    const options = { kind, source, worktree, from, to, folder, isWhole: action === 'copy', shares }
    if (action === 'links') await createLinkFolder(options)
    else if (isDirectory(from)) await cloneFolder(options)
    else relocatePnp(options)
    mkdirSync(dirname(join(worktree, folder)), { recursive: true })
    renameSync(to, join(worktree, folder))
  } finally {
    removeStaging(staging)
  }
}

function announce({ reporter }: Place, decision: DependencyDecision, done: string): void {
  const text = `${nameOf(decision)}: ${done}: ${decision.reason}`
  if (decision.isWarning) reporter.warn(text)
  else reporter.info(text)
}

function nameOf({ folder: own, folders }: DependencyDecision): string {
  return folders.length > 1 ? `${own} (and ${folders.length - 1} more)` : own
}

function isDirectory(path: string): boolean {
  return findStatus(path)?.isDirectory() ?? false
}
