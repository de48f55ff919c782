/**
 * From a name to a worktree that an agent can work in, or to nothing at all: whatever fails on the way is removed by
 * the same teardown as a removal. A worktree that exists is opened again with the ports and the database it had.
 */
import { existsSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { checkOut, runPostCheckout } from '../git/check-out.ts'
import { loadGitConfig } from '../git/git-config.ts'
import { git } from '../git/git.ts'
import { warnOfMissingHooks } from '../git/hooks-folder.ts'
import { worktreePlace } from '../git/linked-git-dir.ts'
import { rebaseWorktree, type RebaseTarget } from '../git/rebase.ts'
import { placeHere, type ListedWorktree } from '../git/repository.ts'
import { chooseName, parseWorktreeName, type WorktreeName } from '../git/worktree-name.ts'
import {
  addWorktree,
  findListed,
  hasBranch,
  removeWorktreeEntry,
  requireNothingThere,
  withRepositoryLock,
} from '../git/worktree.ts'
import { asSettled, isOurWorktree, type Lease } from '../ledger/lease.ts'
import { findLease, saveLease, type WorktreeIdentity, loadLedger } from '../ledger/ledger.ts'
import { claimRepositoryId } from '../ledger/repository-id.ts'
import { reserveLease, type LeaseDraft } from '../ledger/reserve-lease.ts'
import type { Resource } from '../ledger/resource.ts'
import { withWorktreeLock } from '../ledger/worktree-lock.ts'
import { ownIdentity } from '../processes/process-identity.ts'
import { loadProject, type Project } from '../project/project.ts'
import { deadlineAt } from '../report/deadline.ts'
import { IsolateError } from '../report/isolate-error.ts'
import { judgeHeld } from './judge-leases.ts'
import { notUsable } from './lease-advice.ts'
import { placeWorktree } from './place-worktree.ts'
import { prepareWorktree, requiredPortNames, type Tools } from './prepare.ts'
import { runSetup } from './project-commands.ts'
import { keepIfInWork, releaseDeadLeases } from './release.ts'
import { requireLinkedWorktree } from './require-lease.ts'
import { chooseStart, type StartPoint } from './start-point.ts'
import { tearDown, waitForOrphans } from './teardown.ts'

export type Creation = {
  lease: Lease
  /** True when the worktree was there already. */
  isReopened: boolean
}

/** Makes, or opens again, the worktree `name` of the repository that `cwd` is in. Throws `IsolateError`, leaving nothing behind. */
export async function createWorktree(cwd: string, name: unknown, tools: Tools): Promise<Creation> {
  const checked = parseWorktreeName(name)
  const project = await tools.stopwatch.measure('repository and config', () => loadProject(cwd))
  const { commonDir } = project.repository
  const worktree = placeWorktree(project, checked.flat, tools.reporter)
  await releaseDeadLeases({ reporter: tools.reporter, commonDir, except: worktree })
  return withWorktreeLock({ worktree, commonDir }, tools, async () => {
    const lease = await findUsableLease({ worktree, commonDir }, tools)
    const listed = await findUsable(project, worktree, tools)
    if (listed === undefined) {
      // Its folder was deleted by hand.
      if (lease !== undefined) await tearDown(lease, { reporter: tools.reporter, discard: false })
      return { lease: await build(project, worktree, checked, tools), isReopened: false }
    }
    const adoptee = { worktree, name: checked.name, branch: listed.branch, lease }
    return { lease: await adopt(project, adoptee, tools), isReopened: true }
  })
}

/** Gives a worktree that another tool made what ours have; one that has a lease is brought up to date. */
export async function setUpWorktree(cwd: string, tools: Tools): Promise<Creation> {
  const project = await loadProject(cwd)
  const { commonDir } = project.repository
  const worktree = requireLinkedWorktree(project)
  await releaseDeadLeases({ reporter: tools.reporter, commonDir, except: worktree })
  return withWorktreeLock({ worktree, commonDir }, tools, async () => {
    const lease = findLease({ worktree, commonDir })
    if (lease !== undefined) await requireFiles(lease)
    const listed = await findListed(commonDir, worktree)
    if (listed === undefined) throw listedElsewhere(worktree)
    const { branch } = listed
    const adoptee = { worktree, name: undefined, branch, lease }
    return { lease: await adopt(project, adoptee, tools), isReopened: lease !== undefined }
  })
}

/** The worktree that git lists at the path and that is there; a stale entry of git's is removed, anything else in the way is an error. */
async function findUsable(
  { repository }: Project,
  worktree: string,
  tools: Tools,
): Promise<ListedWorktree | undefined> {
  const { commonDir } = repository
  const listed = await findListed(commonDir, worktree)
  if (listed === undefined) requireNothingThere(worktree)
  else if (existsSync(worktree)) return listed
  if (listed?.isLocked) {
    throw new IsolateError(`${worktree} is gone, but git has it locked`, { hint: `git worktree unlock ${worktree}` })
  }
  const saved = listed === undefined ? undefined : await removeWorktreeEntry(commonDir, worktree, true, tools)
  if (saved !== undefined)
    tools.reporter.info(`kept the commits of the worktree that was there, which were on no branch, as ${saved}`)
  return undefined
}

/** The worktree's lease, to go on with. What is left of a creation or a removal that was interrupted is released first. */
async function findUsableLease(identity: WorktreeIdentity, { reporter }: Tools): Promise<Lease | undefined> {
  const lease = findLease(identity)
  if (lease === undefined) return undefined
  const verdict = await judgeHeld(lease)
  if (verdict === 'use' || verdict === 'keep') return lease
  if (verdict === 'repair') throw notUsable(lease, verdict)
  if (lease.state !== 'ready' && !(await waitForOrphans(lease, reporter))) {
    throw new IsolateError(`programs still run in ${lease.worktree}, whose creation was killed`, {
      hint: 'End them, or wait for them, and try again.',
    })
  }
  if (verdict === 'finish') return lease
  const kept = await keepIfInWork(lease, reporter)
  if (kept !== undefined) return kept
  await tearDown(lease, { reporter, discard: lease.state === 'discarding' })
  return undefined
}

/** In whatever state it was left, this is where somebody stands; but a creation that was interrupted has no files to stand on. */
async function requireFiles(lease: Lease): Promise<void> {
  if (lease.state === 'creating' && isOurWorktree(lease)) throw notUsable(lease, await judgeHeld(lease))
}

/** A copy of a worktree, or one that was moved by hand, has the git folder of the other place: nothing of it is to be touched. */
function listedElsewhere(worktree: string): IsolateError {
  return new IsolateError(`git does not have this worktree at ${worktree}: it was copied, or moved by hand`, {
    hint: `If it was moved: git -C ${worktree} worktree repair. In a copy of a repository, make one anew: agent-isolate create NAME`,
  })
}

async function build(project: Project, worktree: string, name: WorktreeName, tools: Tools): Promise<Lease> {
  const { repository, config } = project
  const { stopwatch, reporter } = tools
  const branch = `${config.worktrees.branchPrefix}${name.flat}`
  const gitConfig = await stopwatch.measure('git config', () => loadGitConfig(placeHere(repository)))
  // The base of a branch that exists is settled.
  const start = (await hasBranch(repository.commonDir, branch))
    ? undefined
    : await stopwatch.measure('upstream', () => chooseStart(project, gitConfig, tools))
  const lease = await stopwatch.measure('lease', () => reserve(project, newLease(project, worktree, name.name, branch)))
  return orTearDown(lease, tools, async () => {
    const made = await stopwatch.measure('git worktree add', () => makeWorktree(project, lease, branch, start, tools))
    await stopwatch.measure('check out', () => checkOut(repository, worktree, tools))
    const based = start?.rebaseOnto === undefined ? made : await rebase(made, start.rebaseOnto, tools)
    if (existsSync(join(worktree, '.gitmodules'))) {
      reporter.info('submodules are not checked out in a new worktree: git submodule update --init')
    }
    const { lease: prepared } = await prepareWorktree(project, { ...based, state: 'preparing' }, tools)
    await stopwatch.measure('post-checkout', () => runPostCheckout(repository, gitConfig, worktree, tools))
    return finish(project, prepared, tools)
  })
}

/** Writes down what is about to be made at the last moment before it is: nothing that was in the way is ever taken for ours. */
async function makeWorktree(
  { repository }: Project,
  lease: Lease,
  branch: string,
  start: StartPoint | undefined,
  { reporter, deadline }: Tools,
): Promise<Lease> {
  const own: Resource[] = start === undefined ? [] : [{ kind: 'branch', name: branch, start: start.commit }]
  const made: Lease = { ...lease, resources: [...own, { kind: 'worktree' }] }
  const place = { path: lease.worktree, branch, start: start?.commit }
  await addWorktree(repository, place, { claim: () => saveLease(made), reporter, deadline })
  return made
}

/** Notes the tip that the rebase left: its commits are copies of ones that are safe, and no reason to keep the branch. */
async function rebase(lease: Lease, onto: RebaseTarget, { reporter, stopwatch, deadline }: Tools): Promise<Lease> {
  const { worktree } = lease
  const options = { worktree, onto, reporter, deadline }
  if (!(await stopwatch.measure('rebase', () => rebaseWorktree(options)))) return lease
  const rebased = (await git(worktreePlace(worktree), ['rev-parse', 'HEAD'])).trim()
  const resources = lease.resources.map((one) => (one.kind === 'branch' ? { ...one, rebased } : one))
  const noted: Lease = { ...lease, resources }
  saveLease(noted)
  return noted
}

/** `name` undefined: one is chosen. */
type Adoptee = { worktree: string; name: string | undefined; branch: string | undefined; lease: Lease | undefined }

async function adopt(project: Project, adoptee: Adoptee, tools: Tools): Promise<Lease> {
  const { branch, lease } = adoptee
  const known = lease === undefined ? undefined : asSettled(lease)
  if (known?.state === 'ready') return refresh(project, { ...known, branch }, tools)
  const fresh = known ?? (await reserveFor(project, adoptee, tools))
  const current: Lease = { ...fresh, branch, state: 'preparing', maker: ownIdentity() }
  const work = async (): Promise<Lease> =>
    finish(project, (await prepareWorktree(project, current, tools)).lease, tools)
  // One that was there before us is not taken back.
  return lease === undefined ? orTearDown(current, tools, work) : work()
}

/** Under the repository's lock, so that two which are set up at once get two names. */
function reserveFor(project: Project, { worktree, name, branch }: Adoptee, tools: Tools): Promise<Lease> {
  if (name !== undefined) return reserve(project, newLease(project, worktree, name, branch))
  const { commonDir } = project.repository
  const choose = (): Promise<Lease> => {
    const others = loadLedger().leases.filter((other) => other.commonDir === commonDir && !other.isShared)
    const chosen = chooseName(
      worktree,
      others.map((other) => other.name),
    )
    return reserve(project, newLease(project, worktree, chosen, branch))
  }
  return withRepositoryLock(commonDir, choose, tools)
}

/** A database that had to be made anew (its container was gone) has no migrations yet. */
async function refresh(project: Project, lease: Lease, tools: Tools): Promise<Lease> {
  const { lease: prepared, hasNewDatabase } = await prepareWorktree(project, lease, tools)
  if (hasNewDatabase) await setUp(project, prepared, tools)
  return prepared
}

/** Set-up commands, and only then: ready. */
async function finish(project: Project, lease: Lease, tools: Tools): Promise<Lease> {
  await setUp(project, lease, tools)
  warnOfMissingHooks(project.repository, lease.worktree, tools.reporter)
  const ready: Lease = { ...lease, state: 'ready' }
  saveLease(ready)
  return ready
}

function setUp(project: Project, lease: Lease, tools: Tools): Promise<void> {
  return tools.stopwatch.measure('set-up commands', () => runSetup(project, lease, tools))
}

async function orTearDown(lease: Lease, tools: Tools, work: () => Promise<Lease>): Promise<Lease> {
  try {
    return await work()
  } catch (error) {
    await takeBack(lease, tools)
    throw error
  }
}

/** For a teardown, however late it is; without engines and servers it takes a tenth of a second. A hook's deadline leaves this, and the time to end a program. */
const takeBackMs = 25_000

/** The reason for it is what is to be told; a lease that could not be released is for the next to come. */
async function takeBack(lease: Lease, { reporter, deadline }: Tools): Promise<void> {
  const options = { reporter, discard: false, deadline: deadlineAt(deadline.limitMs + takeBackMs) }
  try {
    // The newest version: preparing has added resources to it.
    await tearDown({ ...(findLease(lease) ?? lease), state: 'creating' }, options)
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error
    reporter.warn(
      `what was made of ${lease.worktree} could not all be removed: ${error.message}; run: agent-isolate gc`,
    )
  }
}

function newLease({ repository }: Project, worktree: string, name: string, branch: string | undefined): LeaseDraft {
  const repositoryId = claimRepositoryId(repository.commonDir)
  return {
    ...(repositoryId === undefined ? {} : { repositoryId }),
    id: randomBytes(8).toString('hex'),
    worktree,
    commonDir: repository.commonDir,
    root: repository.root,
    name,
    branch,
    state: 'creating',
    maker: ownIdentity(),
    resources: [],
    createdAt: new Date().toISOString(),
  }
}

function reserve(project: Project, draft: LeaseDraft): Promise<Lease> {
  return reserveLease(draft, requiredPortNames(project), project.config.ports.range)
}
