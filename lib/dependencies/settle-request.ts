/**
 * What the background process is asked to do, as a file in the worktree's own git folder: it is there from the moment
 * links are made until a clone has taken their place, and removing it calls the process off.
 */
import { realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { digestOf } from '../files/digest.ts'
import { isObject, parseJson } from '../files/json.ts'
import { readIfAny } from '../files/read-if-any.ts'

export type SettleRequest = {
  /** Roots of the main checkout and of the worktree, real paths. */
  source: string
  worktree: string
  folders: LinkedFolder[]
}
/** A folder of links: relative to the worktree, and what `digestLinkFolder` said when it was made. */
export type LinkedFolder = { folder: string; digest: string }

/** Replaces the request that is there. */
export function saveSettleRequest(gitFolder: string, request: SettleRequest): void {
  const path = requestPath(gitFolder)
  writeFileSync(`${path}.new`, JSON.stringify(request), { mode: 0o600 })
  renameSync(`${path}.new`, path)
}

/** Undefined when nothing is asked for, or when the file is not one of ours. */
export function loadSettleRequest(gitFolder: string): SettleRequest | undefined {
  const value = parseJson(readIfAny(requestPath(gitFolder)) ?? '')
  return isRequest(value) ? value : undefined
}

export function removeSettleRequest(gitFolder: string): void {
  rmSync(requestPath(gitFolder), { force: true })
}

/** Name of the lock that the process holds while it works. `gitFolder` exists. */
export function settleLockName(gitFolder: string): string {
  return `settle-${digestOf(realpathSync(gitFolder), 24)}`
}

function requestPath(gitFolder: string): string {
  return join(gitFolder, 'settle.json')
}

function isRequest(value: unknown): value is SettleRequest {
  if (!isObject(value)) return false
  const { source, worktree, folders } = value
  return (
    typeof source === 'string' &&
    typeof worktree === 'string' &&
    Array.isArray(folders) &&
    folders.every(isLinkedFolder)
  )
}

function isLinkedFolder(value: unknown): value is LinkedFolder {
  return isObject(value) && typeof value['folder'] === 'string' && typeof value['digest'] === 'string'
}
