/** The end of `init --trial`: a worktree is made and its set-up run, and it is removed again, so that no agent is the first to see it fail. */
import { randomBytes } from 'node:crypto'
import { examine } from '../doctor/examine.ts'
import { loadContext } from '../doctor/load-context.ts'
import { createWorktree } from '../lib/lifecycle/create.ts'
import { removeWorktree } from '../lib/lifecycle/remove.ts'
import { noDeadline } from '../lib/report/deadline.ts'
import { IsolateError } from '../lib/report/isolate-error.ts'
import { stderrReporter, type Reporter } from '../lib/report/reporter.ts'
import { startStopwatch } from '../lib/report/stopwatch.ts'

export type Trial = {
  /** Set-up commands without which a worktree comes, with what they said. */
  failed: readonly { command: string; message: string }[]
  /** Why no worktree comes even so. */
  fault: string | undefined
}

/**
 * `leaveOut` takes commands out of agent-isolate.json, before the next attempt. Nothing is left of the worktrees. Never throws
 * `IsolateError`.
 */
export async function tryOut(
  root: string,
  setup: readonly string[],
  leaveOut: (failed: readonly string[]) => Promise<void>,
): Promise<Trial> {
  const failed: Trial['failed'][number][] = []
  for (;;) {
    const error = await attempt(root)
    if (error === undefined) return { failed, fault: undefined }
    const command = setup.find((each) => error.message.includes(`the command "${each}" failed`))
    if (command === undefined || failed.some((each) => each.command === command)) {
      return { failed, fault: error.message }
    }
    failed.push({ command, message: error.message })
    await leaveOut(failed.map((each) => each.command))
  }
}

/** What a creation came to; a failed one leaves nothing behind. */
async function attempt(root: string): Promise<IsolateError | undefined> {
  const name = `init-trial-${randomBytes(3).toString('hex')}`
  const tools = { reporter: stderrReporter, stopwatch: startStopwatch(noDeadline), deadline: noDeadline }
  try {
    await createWorktree(root, name, tools)
    await removeWorktree(root, name, { reporter: stderrReporter, discard: true })
    return undefined
  } catch (error) {
    if (error instanceof IsolateError) return error
    throw error
  }
}

/** What doctor finds first, one line each; it is for `doctor` to tell them all. */
export async function firstFindings(root: string, reporter: Reporter): Promise<string[]> {
  const examined = await examine(await loadContext(root, process.env, reporter))
  const errors = examined.flatMap(({ findings }) => findings).filter(({ severity }) => severity === 'error')
  const lines = errors.slice(0, mostShown).map(({ file, line, message }) => {
    const place = file === undefined ? '' : `${file}${line === undefined ? '' : `:${line}`}: `
    return `  ${place}${message}`
  })
  return errors.length > lines.length ? [...lines, `  and ${errors.length - lines.length} more`] : lines
}

const mostShown = 3
