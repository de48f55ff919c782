/**
 * From a name to a worktree that an agent can work in, or to nothing at all: whatever fails on the way is taken back by
 * the same teardown as a removal. A worktree that exists is opened again with the ports and the database it had.
 */
import { existsSync, readdirSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { basename, join } from 'node:path'
import { tryGit } from './git.ts'
import { IsolateError } from './isolate-error.ts'
import { findLease, identityKey, saveLease, type WorktreeIdentity } from './ledger.ts'
import type { Lease } from './lease.ts'
import { withLock } from './lock.ts'
import { prepareWorktree, requiredPortNames, runSetup, type Tools } from './prepare.ts'
import { ownIdentity } from './process-identity.ts'
import { loadProject, type Project } from './project.ts'
import { reapDeadLeases } from './reap.ts'
import { listWorktrees, type ListedWorktree } from './repository.ts'
import { requireLinkedWorktree } from './require-lease.ts'
import { reserveLease, type LeaseDraft } from './reserve-lease.ts'
import { tearDown, waitForOrphans } from './teardown.ts'
import { rebaseWorktree } from './rebase.ts'
import { chooseStart } from './start-point.ts'
import { addWorktree, checkOut, removeWorktreeEntry, runPostCheckout } from './worktree.ts'
import { parseWorktreeName, type WorktreeName } from './worktree-name.ts'

export type Creation = {
  lease: Lease
  /** True when the worktree was there already. */
  isReopened: boolean
}

/** A set-up may install for minutes; Claude Code gives a hook ten. */
const creationWaitMs = 600_000

/** Makes, or opens again, the worktree `name` of the repository that `cwd` is in. Throws `IsolateError`, leaving nothing behind. */
export async function createWorktree(cwd: string, name: unknown, tools: Tools): Promise<Creation> {
  const checked = parseWorktreeName(name)
  const project = await tools.stopwatch.measure('repository and config', () => loadProject(cwd))
  const { root, commonDir } = project.repository
  const worktree = join(root, project.config.worktrees.folder, checked.flat)
  await reapDeadLeases(tools.reporter)
  return withWorktreeLock({ worktree, commonDir }, tools, async () => {
    const lease = await findUsableLease({ worktree, commonDir }, tools)
    const listed = await findUsable(project, worktree)
    if (listed === undefined) return { lease: await build(project, worktree, checked, tools), isReopened: false }
    const adoptee = { worktree, name: checked.name, branch: listed.branch, lease }
    return { lease: await adopt(project, adoptee, tools), isReopened: true }
  })
}

/** Gives a worktree that another tool made what ours have; one that has a lease is brought up to date. */
export async function setUpWorktree(cwd: string, tools: Tools): Promise<Creation> {
  const project = await loadProject(cwd)
  const { commonDir } = project.repository
  const worktree = requireLinkedWorktree(project)
  await reapDeadLeases(tools.reporter)
  return withWorktreeLock({ worktree, commonDir }, tools, async () => {
    const lease = await findUsableLease({ worktree, commonDir }, tools)
    const branch = (await listWorktrees(commonDir)).find(({ path }) => path === worktree)?.branch
    const name = basename(worktree)
    return { lease: await adopt(project, { worktree, name, branch, lease }, tools), isReopened: lease !== undefined }
  })
}

export function withWorktreeLock<T>(
  identity: WorktreeIdentity,
  { reporter }: Pick<Tools, 'reporter'>,
  work: () => Promise<T>,
): Promise<T> {
  const purpose = `the worktree ${identity.worktree}`
  const onWait = (): void => reporter.progress(`waiting for another process that works on ${identity.worktree}`)
  return withLock(`worktree-${identityKey(identity)}`, { purpose, waitMs: creationWaitMs, onWait }, work)
}

/** The worktree that git lists at the path and that is there; a stale entry of git's is removed, anything else in the way is an error. */
async function findUsable({ repository }: Project, worktree: string): Promise<ListedWorktree | undefined> {
  const listed = (await listWorktrees(repository.commonDir)).find(({ path }) => path === worktree)
  const isThere = existsSync(worktree)
  if (listed !== undefined && isThere) return listed
  if (listed?.isLocked) {
    throw new IsolateError(`${worktree} is gone, but git has it locked`, { hint: `git worktree unlock ${worktree}` })
  }
  if (listed !== undefined) await removeWorktreeEntry(repository.commonDir, worktree)
  else if (isThere && readdirSync(worktree).length > 0) {
    throw new IsolateError(`${worktree} is there already, and is no worktree of this repository`, {
      hint: 'Move it away, or choose another name.',
    })
  }
  return undefined
}

/** The worktree's ready lease. What a killed process left half-made or half-removed is given back first. */
async function findUsableLease(identity: WorktreeIdentity, { reporter }: Tools): Promise<Lease | undefined> {
  const lease = findLease(identity)
  if (lease === undefined || lease.state === 'ready') return lease
  await waitForOrphans(lease, reporter)
  await tearDown(lease, { reporter, branch: lease.state === 'removing' ? 'merged' : 'remove' })
  return undefined
}

async function build(project: Project, worktree: string, name: WorktreeName, tools: Tools): Promise<Lease> {
  const { repository, config } = project
  const { stopwatch, reporter } = tools
  const branch = `${config.worktrees.branchPrefix}${name.flat}`
  // The base of a branch that exists is settled.
  const start = (await hasBranch(repository.commonDir, branch))
    ? undefined
    : await stopwatch.measure('upstream', () => chooseStart(project, reporter))
  const draft: LeaseDraft = {
    ...newLease(project, worktree, name.name, branch),
    resources: [
      ...(start === undefined ? [] : [{ kind: 'branch' as const, name: branch, start: start.commit }]),
      { kind: 'worktree' },
    ],
  }
  const lease = await stopwatch.measure('lease', () => reserve(project, draft))
  return orTearDown(lease, tools, async () => {
    await stopwatch.measure('git worktree add', () =>
      addWorktree(repository, { path: worktree, branch, start: start?.commit }),
    )
    await stopwatch.measure('check out', () => checkOut(worktree))
    if (start?.rebaseOnto !== undefined) {
      await rebaseWorktree({ worktree, onto: start.rebaseOnto, reporter })
    }
    if (existsSync(join(worktree, '.gitmodules'))) {
      reporter.info('submodules are not checked out in a new worktree: git submodule update --init')
    }
    const prepared = await prepareWorktree(project, lease, tools)
    await stopwatch.measure('post-checkout', () => runPostCheckout(repository, worktree, reporter))
    return finish(project, prepared, tools)
  })
}

type Adoptee = { worktree: string; name: string; branch: string | undefined; lease: Lease | undefined }

async function adopt(project: Project, { worktree, name, branch, lease }: Adoptee, tools: Tools): Promise<Lease> {
  if (lease !== undefined) {
    const refreshed = await prepareWorktree(project, { ...lease, branch }, tools)
    saveLease(refreshed)
    return refreshed
  }
  const fresh = await reserve(project, newLease(project, worktree, name, branch))
  return orTearDown(fresh, tools, async () => finish(project, await prepareWorktree(project, fresh, tools), tools))
}

/** Set-up commands, and only then: ready. */
async function finish(project: Project, lease: Lease, tools: Tools): Promise<Lease> {
  await tools.stopwatch.measure('set-up commands', () => runSetup(project, lease, tools.reporter))
  const ready: Lease = { ...lease, state: 'ready' }
  saveLease(ready)
  return ready
}

async function orTearDown(lease: Lease, { reporter }: Tools, work: () => Promise<Lease>): Promise<Lease> {
  try {
    return await work()
  } catch (error) {
    // The newest version: preparing has added resources to it.
    await tearDown(findLease(lease) ?? lease, { reporter, branch: 'remove' })
    throw error
  }
}

function newLease({ repository }: Project, worktree: string, name: string, branch: string | undefined): LeaseDraft {
  return {
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

async function hasBranch(commonDir: string, branch: string): Promise<boolean> {
  const args = ['--git-dir', commonDir, 'show-ref', '--verify', '--quiet', `refs/heads/${branch}`]
  return (await tryGit(commonDir, args)).code === 0
}
