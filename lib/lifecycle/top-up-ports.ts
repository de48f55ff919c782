/** Gives a worktree that exists the ports that its repository has asked for since: it goes on working with what main says today. */
import { writeEnvironment } from '../environment/environment.ts'
import { assignLeasePorts } from '../ledger/lease-ports.ts'
import type { Lease } from '../ledger/lease.ts'
import { reloadLease, saveLease } from '../ledger/ledger.ts'
import { withWorktreeLock } from '../ledger/worktree-lock.ts'
import type { Project, ProjectFiles } from '../project/project.ts'
import { IsolateError } from '../report/isolate-error.ts'
import type { Reporter } from '../report/reporter.ts'
import { keptPorts } from './kinds.ts'
import { requiredPortNames } from './prepare.ts'
import { isWithinSetUp } from './project-commands.ts'

/** Whether a port name is asked for that the lease has no port for. */
export function lacksPorts(project: ProjectFiles, { ports, worktree }: Lease): boolean {
  return requiredPortNames(project, worktree).some((name) => ports[name] === undefined)
}

/**
 * The lease with all ports that are asked for. What was missing is in the ledger, the env file and the shells then; where
 * nothing is, no lock is taken. Throws `IsolateError` for more names than ports, and for a faulty template.
 */
export async function topUpPorts(project: Project, lease: Lease, reporter: Reporter): Promise<Lease> {
  if (!lacksPorts(project, lease)) return lease
  const work = async (): Promise<Lease> => {
    const current = reloadLease(lease)
    if (current === undefined) throw new IsolateError(`${lease.worktree} has just been removed by another process`)
    if (!lacksPorts(project, current)) return current
    const ports = await assignLeasePorts(current, requiredPortNames(project, current.worktree), keptPorts(current))
    const toppedUp: Lease = { ...current, ports }
    saveLease(toppedUp)
    await writeEnvironment(project, toppedUp, reporter)
    return toppedUp
  }
  // A command of the repository's: whoever runs it holds the lock.
  return isWithinSetUp(lease) ? work() : withWorktreeLock(lease, { reporter }, work)
}
