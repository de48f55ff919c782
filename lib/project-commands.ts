/** The commands of a repository's config: run in the worktree, with its environment, and only where the repository is trusted. */
import { existsSync } from 'node:fs'
import { environmentOf } from './environment.ts'
import { IsolateError } from './isolate-error.ts'
import type { Lease } from './lease.ts'
import type { Project } from './project.ts'
import type { Reporter } from './reporter.ts'
import { childEnvironment, run } from './run.ts'

/** Runs the repository's set-up commands in the worktree. A failing one is an error; those of an untrusted repository are a warning. */
export async function runSetup(project: Project, lease: Lease, reporter: Reporter): Promise<void> {
  if (!mayRun(project, 'setup', reporter)) return
  for (const command of project.config.setup) {
    const failure = await runCommand(project, lease, command, reporter)
    if (failure !== undefined)
      throw new IsolateError(failure, {
        hint: 'Mend the command ("setup" in agent-isolate.json), then try again.',
      })
  }
}

/** Runs the repository's teardown commands in a worktree that is about to go. A failing one is a warning. Answers whether any was run. */
export async function runTeardownCommands(project: Project, lease: Lease, reporter: Reporter): Promise<boolean> {
  if (!existsSync(lease.worktree) || !mayRun(project, 'teardown', reporter)) return false
  for (const command of project.config.teardown) {
    const failure = await runCommand(project, lease, command, reporter)
    if (failure !== undefined) reporter.warn(failure)
  }
  return true
}

function mayRun(project: Project, list: 'setup' | 'teardown', reporter: Reporter): boolean {
  if (project.config[list].length === 0) return false
  if (project.isTrusted) return true
  reporter.warn(
    `the ${list} commands in agent-isolate.json were not run: this repository is not trusted. Read them, then: agent-isolate trust`,
  )
  return false
}

/** Set in the repository's commands: what they ask of us must neither wait for the worktree's lock nor run them again. */
const setUpVariable = 'AGENT_ISOLATE_SETTING_UP'

/** Whether we were started by a command of this worktree's set-up. */
export function isWithinSetUp({ id }: Pick<Lease, 'id'>): boolean {
  return process.env[setUpVariable] === id
}

/** Nine of the ten minutes that Claude Code gives a creation, in ms. */
const commandTimeoutMs = 540_000

/** The text of a failure; undefined when all went well. The shell gets the user's own, trusted, words and nothing else. */
export async function runCommand(
  project: Project,
  lease: Lease,
  command: string,
  reporter: Reporter,
): Promise<string | undefined> {
  reporter.progress(`running: ${command}`)
  const env = childEnvironment({ ...environmentOf(project, lease).exported, [setUpVariable]: lease.id })
  const outcome = await run('/bin/sh', ['-c', command], { cwd: lease.worktree, env, timeoutMs: commandTimeoutMs })
  if (outcome.code === 0) return undefined
  const lastLines = `${outcome.stdout}${outcome.stderr}`.trimEnd().split('\n').slice(-15).join('\n    ')
  return `the command "${command}" failed (${outcome.timedOut ? 'it took too long' : (outcome.code ?? outcome.signal)}) in ${lease.worktree}:\n    ${lastLines}`
}
