/** Starts and stops the background process that replaces folders of links by clones. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { errorCode } from '../report/isolate-error.ts'
import { findLockHolder } from '../state/lock.ts'
import { isWithinReach } from '../processes/process-identity.ts'
import type { Reporter } from '../report/reporter.ts'
import { childEnvironment } from '../processes/run.ts'
import { commandInSameRuntime } from '../processes/same-runtime.ts'
import {
  loadSettleRequest,
  removeSettleRequest,
  saveSettleRequest,
  settleLockName,
  type SettleRequest,
} from './settle-request.ts'
import { sweepGitFolder } from './staging.ts'

/** How long the process has, in ms, to end by itself: it looks every few ms. */
const politenessMs = 5_000
const killMs = 5_000
const napMs = 10

/**
 * Has the folders of the request cloned by a process that outlives this one, together with those that an earlier process
 * left undone (it was killed, or the machine was).
 */
export async function startSettling(gitFolder: string, request: SettleRequest, reporter: Reporter): Promise<void> {
  const earlier = loadSettleRequest(gitFolder)?.folders ?? []
  const isNew = request.folders.length > 0
  if (!isNew && (earlier.length === 0 || findLockHolder(settleLockName(gitFolder)) !== undefined)) return
  await stopSettling(gitFolder)
  const folders = [
    ...earlier.filter(({ folder }) => !request.folders.some((one) => one.folder === folder)),
    ...request.folders,
  ]
  saveSettleRequest(gitFolder, { ...request, folders })
  const { program, args } = commandInSameRuntime('./settle-process.ts', import.meta.url)
  const child = spawn(program, [...args, gitFolder], {
    detached: true,
    stdio: 'ignore',
    env: childEnvironment(),
  })
  child.once('error', (error) => {
    reporter.warn(
      `node_modules stays a folder of links: the process that copies it cannot be started: ${error.message}`,
    )
  })
  child.unref()
}

/**
 * Calls the background work on a worktree off and returns when nothing of it runs or is left; the folders of links stay.
 * The request goes first: a process that has not begun yet finds nothing to do, one that has is seen by its lock.
 */
export async function stopSettling(gitFolder: string): Promise<void> {
  if (!existsSync(gitFolder)) return
  removeSettleRequest(gitFolder)
  const lock = settleLockName(gitFolder)
  if (!(await endHolder(lock, 'SIGTERM', politenessMs))) await endHolder(lock, 'SIGKILL', killMs)
  sweepGitFolder(gitFolder)
}

/** True when nobody holds the lock any more. A holder on another machine or in another container cannot be signalled. */
async function endHolder(lock: string, signal: NodeJS.Signals, patienceMs: number): Promise<boolean> {
  const holder = findLockHolder(lock)
  if (holder === undefined) return true
  if (!isWithinReach(holder)) return false
  sendSignal(holder.pid, signal)
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += napMs) {
    if (findLockHolder(lock) === undefined) return true
    await sleep(napMs)
  }
  return false
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error
  }
}
