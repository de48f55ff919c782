/**
 * A lock between processes that outlives none of them: it is a file, naming its holder, that appears whole or not at all
 * (link(2) of a finished file), and is taken over once its holder is proved dead.
 *
 * Taking over is where such locks let two in: both judge the old holder dead, the slower one removes the lock of the
 * faster. Here the right to replace the claim with token T belongs to whoever links `LOCK.after.T`, and is used only if
 * the lock still holds T then. If that successor dies too, the right passes on the same way (`LOCK.after.<its token>`).
 */
import { linkSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { errorCode, errorText, IsolateError } from '../report/isolate-error.ts'
import { isObject, parseJson, textOf } from '../files/json.ts'
import { isAlive, ownIdentity, parseProcessIdentity, type ProcessIdentity } from '../processes/process-identity.ts'
import { requireStateFolder, stateFolderHint } from './state-folder.ts'
import { writeTemporaryFile } from './temporary-file.ts'

export type LockOptions = {
  /** For the error: what is being waited for ("the worktrees of /repo"). */
  purpose: string
  /** Gives up after this many ms. */
  waitMs: number
  /** Called once when the wait has lasted two seconds. */
  onWait?: (holder: ProcessIdentity | undefined) => void
}

/** What a lock file says. `holder` is undefined when the file cannot be read as a claim (a crash of the machine). */
type Claim = { token: string; holder: ProcessIdentity | undefined }

/** Does `work` while this process alone holds the lock `name` (letters, digits, `-`). Throws `IsolateError` when the wait ends in vain. */
export async function withLock<T>(name: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const path = lockPath(name)
  const result = await holding(path, options, work)
  if (result === undefined) throw waitedInVain(path, options)
  return result.value
}

/** The same without waiting: undefined, and no work done, when another living process holds the lock. */
export async function withLockIfFree<T>(name: string, work: () => Promise<T>): Promise<T | undefined> {
  return (await holding(lockPath(name), { waitMs: 0 }, work))?.value
}

/** The living holder of the lock; undefined when it is free or its holder is dead. */
export function findLockHolder(name: string): ProcessIdentity | undefined {
  const claim = readClaim(lockPath(name))
  return claim?.holder !== undefined && isAlive(claim.holder) ? claim.holder : undefined
}

/** Removes the locks of dead holders, and rights that can no longer be used. */
export async function sweepLocks(): Promise<void> {
  const folder = requireStateFolder('locks')
  const names = readdirSync(folder)
  for (const name of names.filter((one) => !one.includes('.after.'))) await withLockIfFree(name, async () => undefined)
  for (const name of names.filter((one) => one.includes('.after.'))) {
    const [lock = '', token] = name.split('.after.')
    if (readClaim(join(folder, lock))?.token !== token) rmSync(join(folder, name), { force: true })
  }
}

function lockPath(name: string): string {
  return join(requireStateFolder('locks'), name)
}

/** Twenty at once wait for each other all the time; nobody needs to hear of that. */
const quietMs = 2000

type Patience = Pick<LockOptions, 'waitMs' | 'onWait'>

async function holding<T>(path: string, patience: Patience, work: () => Promise<T>): Promise<{ value: T } | undefined> {
  const token = await acquire(path, patience)
  if (token === undefined) return undefined
  try {
    return { value: await work() }
  } finally {
    release(path, token)
  }
}

/** The token of our claim; undefined when the wait ended in vain. */
async function acquire(path: string, { waitMs, onWait }: Patience): Promise<string | undefined> {
  const token = randomBytes(8).toString('hex')
  const finished = writeTemporaryFile(JSON.stringify({ token, ...ownIdentity() }), { durable: false })
  const started = Date.now()
  let hasTold = false
  try {
    for (let attempt = 0; ; attempt++) {
      if (tryLink(finished, path)) return token
      const claim = readClaim(path)
      if (claim === undefined) continue
      if (!isClaimAlive(claim) && takeOver(path, claim, finished)) return token
      const waitedMs = Date.now() - started
      if (!hasTold && waitedMs > quietMs) {
        hasTold = true
        onWait?.(claim.holder)
      }
      if (waitedMs >= waitMs) return undefined
      // Short naps with some chance in them, so that many waiters do not wake together.
      await sleep(2 + Math.random() * Math.min(40, 4 + attempt))
    }
  } finally {
    rmSync(finished, { force: true })
  }
}

function release(path: string, token: string): void {
  if (readClaim(path)?.token === token) rmSync(path, { force: true })
}

/** True when the lock is ours now. False: somebody else was quicker, or is at it; look again. */
function takeOver(path: string, dead: Claim, finished: string): boolean {
  const rights: string[] = []
  for (let last = dead; ;) {
    const right = `${path}.after.${last.token}`
    rights.push(right)
    if (tryLink(finished, right)) break
    const successor = readClaim(right)
    if (successor === undefined || isClaimAlive(successor)) return false
    last = successor
  }
  const isStillDead = readClaim(path)?.token === dead.token
  if (isStillDead) renameSync(finished, path)
  // Once the lock has another token, or when it had one already, none of these rights can be used again.
  for (const right of rights) rmSync(right, { force: true })
  return isStillDead
}

function isClaimAlive(claim: Claim): boolean {
  return claim.holder !== undefined && isAlive(claim.holder)
}

function tryLink(existing: string, path: string): boolean {
  try {
    linkSync(existing, path)
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    throw new IsolateError(`the lock ${path} cannot be made: ${errorText(error)}`, {
      hint: stateFolderHint(error),
      cause: error,
    })
  }
}

function readClaim(path: string): Claim | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
  return parseClaim(text) ?? unreadableClaim(path)
}

function parseClaim(text: string): Claim | undefined {
  const value = parseJson(text)
  const holder = parseProcessIdentity(value)
  const token = isObject(value) ? textOf(value['token']) : undefined
  return holder !== undefined && token !== undefined && /^[0-9a-f]+$/.test(token) ? { token, holder } : undefined
}

/** A lock file is never written in place, so one that is no claim was torn by a crash of the machine: its holder is dead. */
function unreadableClaim(path: string): Claim | undefined {
  const status = statSync(path, { throwIfNoEntry: false })
  return status === undefined ? undefined : { token: `unreadable-${status.ino}`, holder: undefined }
}

function waitedInVain(path: string, { purpose, waitMs }: LockOptions): IsolateError {
  const holder = readClaim(path)?.holder
  const who = holder === undefined ? 'another process' : `process ${holder.pid} on ${holder.host}`
  return new IsolateError(`waited ${Math.round(waitMs / 1000)} s for ${purpose}, held by ${who}`, {
    hint: `If that process hangs, end it; the lock frees itself. If that machine or container is gone for good, delete ${path}.`,
  })
}
