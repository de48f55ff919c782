/** The commands of a repository's config: run in the worktree, with its environment, and only where the repository is trusted. */
import { existsSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { environmentOf } from '../environment/environment.ts'
import { IsolateError } from '../report/isolate-error.ts'
import type { Lease } from '../ledger/lease.ts'
import type { Project } from '../project/project.ts'
import type { Reporter } from '../report/reporter.ts'
import { childEnvironment, run } from '../processes/run.ts'
import { shellEnvironmentPath } from '../env-text/shell-environment.ts'
import { findLinkedGitDir } from '../git/linked-git-dir.ts'

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
  const inShell = findTeardownShell(project, lease, reporter)
  if (inShell === undefined) return false
  for (const command of project.config.teardown) {
    const failure = await runInShell(lease, inShell(command), command, reporter)
    if (failure !== undefined) reporter.warn(failure)
  }
  return true
}

/** What `/bin/sh` is given, beside the environment that our children have anyway. */
type Shell = { args: readonly string[]; exported: Readonly<Record<string, string>> }

/** A template that is faulty today keeps no worktree: commands then get the environment that was written for it last. */
function findTeardownShell(
  project: Project,
  lease: Lease,
  reporter: Reporter,
): ((command: string) => Shell) | undefined {
  try {
    const { exported } = environmentOf(project, lease)
    return (command) => ({ args: ['-c', command], exported })
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error
    const written = join(findLinkedGitDir(lease.worktree) ?? '', shellEnvironmentPath)
    if (!isAbsolute(written) || !existsSync(written)) {
      reporter.warn(`the teardown commands were not run (${project.config.teardown.join('; ')}): ${error.message}`)
      return undefined
    }
    reporter.warn(`${error.message}; the teardown commands get the environment that was written last`)
    return (command) => ({ args: ['-c', '. "$0"; eval "$1"', written, command], exported: {} })
  }
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
  const { exported } = environmentOf(project, lease)
  return runInShell(lease, { args: ['-c', command], exported }, command, reporter)
}

async function runInShell(
  lease: Lease,
  { args, exported }: Shell,
  command: string,
  reporter: Reporter,
): Promise<string | undefined> {
  reporter.progress(`running: ${command}`)
  const env = childEnvironment({ ...exported, [setUpVariable]: lease.id })
  const outcome = await run('/bin/sh', args, { cwd: lease.worktree, env, timeoutMs: commandTimeoutMs })
  if (outcome.code === 0) return undefined
  const lastLines = `${outcome.stdout}${outcome.stderr}`.trimEnd().split('\n').slice(-15).join('\n    ')
  return `the command "${command}" failed (${outcome.timedOut ? 'it took too long' : (outcome.code ?? outcome.signal)}) in ${lease.worktree}:\n    ${lastLines}`
}
