/** The environment of the worktree that a command is about. */
import { realpathSync } from 'node:fs'
import { relative, sep } from 'node:path'
import { environmentOf } from '../lib/environment/environment.ts'
import { loadLastEnvironment } from '../lib/environment/last-environment.ts'
import { retarget } from '../lib/environment/retarget.ts'
import type { Lease } from '../lib/ledger/lease.ts'
import { topUpPorts } from '../lib/lifecycle/top-up-ports.ts'
import { loadProjectOf } from '../lib/project/project.ts'
import { IsolateError } from '../lib/report/isolate-error.ts'
import { stderrReporter } from '../lib/report/reporter.ts'
import { requireCurrentLease } from './current-lease.ts'

export type CurrentEnvironment = {
  lease: Lease
  /** What a process gets beside our own environment. */
  variables: Readonly<Record<string, string>>
  /** What of the main checkout is in use for want of the worktree's own. */
  missing: readonly string[]
}

/**
 * As it is in the folder that we stand in; at the top for one by `name`. With the ports that main asks for today. What is wrong in main today does not stop a worktree that works: it goes on, with a
 * warning, in the environment that was written for it last. Throws `IsolateError` where there is none.
 */
export async function requireCurrentEnvironment(name?: string): Promise<CurrentEnvironment> {
  const { repository, lease: found } = await requireCurrentLease(name)
  const inner = name === undefined ? relative(found.worktree, realpathSync(process.cwd())).replaceAll(sep, '/') : ''
  try {
    const project = await loadProjectOf(repository)
    const lease = await topUpPorts(project, found, stderrReporter)
    return withTools(lease, environmentOf(project, lease, inner).exported)
  } catch (error) {
    const environment = error instanceof IsolateError ? await loadLastEnvironment(found.worktree, inner) : undefined
    if (!(error instanceof IsolateError) || environment === undefined) throw error
    stderrReporter.warn(`${error.message}; going on with the environment that was written for this worktree last`)
    return withTools(found, environment.exported)
  }
}

function withTools(lease: Lease, exported: Readonly<Record<string, string>>): CurrentEnvironment {
  const { changed, missing } = retarget({ ...process.env, ...exported }, lease)
  return { lease, variables: { ...exported, ...changed }, missing }
}
