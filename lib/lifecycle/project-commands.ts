/** The commands of a repository's config: run in the worktree, with its environment, and only where the repository is trusted. */
import { existsSync } from 'node:fs'
import { environmentOf } from '../environment/environment.ts'
import { loadLastEnvironment } from '../environment/last-environment.ts'
import { retarget } from '../environment/retarget.ts'
import type { Lease } from '../ledger/lease.ts'
import { childEnvironment, run } from '../processes/run.ts'
import type { Project } from '../project/project.ts'
import { noDeadline, type Deadline } from '../report/deadline.ts'
import { IsolateError } from '../report/isolate-error.ts'
import { notTrusted } from '../report/not-trusted.ts'
import type { Reporter } from '../report/reporter.ts'

/** Who is told what runs, and when it must have ended. */
type Running = { reporter: Reporter; deadline?: Deadline }

/** Runs the repository's set-up commands in the worktree. A failing one is an error; those of an untrusted repository are a warning. */
export async function runSetup(project: Project, lease: Lease, running: Running): Promise<void> {
  if (!mayRun(project, 'setup', running.reporter)) return
  for (const command of project.config.setup) {
    const failure = await runInShell(lease, environmentOf(project, lease).exported, command, running)
    if (failure !== undefined)
      throw new IsolateError(failure, {
        hint: 'Fix the command ("setup" in agent-isolate.json), then try again.',
      })
  }
}

/** Runs the repository's teardown commands in a worktree that is about to go. A failing one is a warning. Returns whether any was run. */
export async function runTeardownCommands(
  project: Project | IsolateError,
  lease: Lease,
  reporter: Reporter,
): Promise<boolean> {
  if (!existsSync(lease.worktree)) return false
  if (project instanceof IsolateError) {
    reporter.warn(`no teardown commands were run: ${project.message}`)
    return false
  }
  if (!mayRun(project, 'teardown', reporter)) return false
  const exported = await findTeardownEnvironment(project, lease, reporter)
  if (exported === undefined) return false
  for (const command of project.config.teardown) {
    const failure = await runInShell(lease, exported, command, { reporter })
    if (failure !== undefined) reporter.warn(failure)
  }
  return true
}

/** A template that is faulty today keeps no worktree: commands then get the environment that was written for it last. */
async function findTeardownEnvironment(
  project: Project,
  lease: Lease,
  reporter: Reporter,
): Promise<Readonly<Record<string, string>> | undefined> {
  try {
    return environmentOf(project, lease).exported
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error
    const last = await loadLastEnvironment(lease.worktree)
    reporter.warn(
      last === undefined
        ? `the teardown commands were not run (${project.config.teardown.join('; ')}): ${error.message}`
        : `${error.message}; the teardown commands get the environment that was written last`,
    )
    return last?.exported
  }
}

function mayRun(project: Project, list: 'setup' | 'teardown', reporter: Reporter): boolean {
  if (project.config[list].length === 0) return false
  if (project.isTrusted) return true
  reporter.warn(notTrusted(`the ${list} commands were not run`, 'agent-isolate.json').text)
  return false
}

/** Set in the repository's commands: what they ask of us must neither wait for the worktree's lock nor run them again. */
const setUpVariable = 'AGENT_ISOLATE_SETTING_UP'

/** Whether we were started by a command of this worktree's set-up. */
export function isWithinSetUp({ id }: Pick<Lease, 'id'>): boolean {
  return process.env[setUpVariable] === id
}

/** At most, in ms: where nobody waits for the creation, too. */
const commandTimeoutMs = 540_000

/** Runs the command that fills the lease's database, which DATABASE_URL names. The text of a failure; undefined when all went well. */
export async function runSeedCommand(
  project: Project,
  lease: Lease,
  command: string,
  running: Running,
): Promise<string | undefined> {
  const { exported, kept } = environmentOf(project, lease)
  return runInShell(lease, { ...exported, ...kept }, command, running)
}

/** The text of a failure; undefined when all went well. The shell gets the user's own, trusted, words and nothing else. */
async function runInShell(
  lease: Lease,
  exported: Readonly<Record<string, string>>,
  command: string,
  { reporter, deadline = noDeadline }: Running,
): Promise<string | undefined> {
  reporter.progress(`running: ${command}`)
  const timeoutMs = deadline.remainingMs(commandTimeoutMs)
  const own = childEnvironment({ ...exported, [setUpVariable]: lease.id })
  const env = { ...own, ...retarget(own, lease).changed }
  const outcome = await run('/bin/sh', ['-c', command], { cwd: lease.worktree, env, timeoutMs })
  if (outcome.code === 0) return undefined
  const lastLines = `${outcome.stdout}${outcome.stderr}`.trimEnd().split('\n').slice(-15).join('\n    ')
  return `the command "${command}" failed (${outcome.timedOut ? 'it took too long' : (outcome.code ?? outcome.signal)}) in ${lease.worktree}:\n    ${lastLines}`
}
