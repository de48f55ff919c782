/**
 * Where dependency folders, databases, copies and the env file are made before they are renamed into place, so that the
 * worktree only ever has whole ones, and git never sees half of one.
 * Each piece of work has a folder of its own, named after its process, so that what a killed one left can be swept.
 */
import { mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import { findEntry, leadsInside } from '../inner-path.ts'
import { errorCode, IsolateError } from '../isolate-error.ts'
import { isAlive, ownIdentity } from '../process-identity.ts'
import { makeSelfIgnoringFolder, removeFolderIfEmpty, removeSelfIgnoringFolder } from '../self-ignoring-folder.ts'

/** `gitFolder`: our own in the worktree's git folder. `target`: the folder, a real path, that things are to be renamed into. */
export type StagingPlace = { gitFolder: string; target: string }

/** Makes an empty folder from which things can be renamed into `target`: in the git folder, or where that cannot be, beside them. */
export function createStaging({ gitFolder, target }: StagingPlace): string {
  const name = `${process.pid}-${randomBytes(6).toString('hex')}`
  const near = join(gitFolder, 'staging', name)
  // Not recursive: the git folder of a worktree that was removed meanwhile must not come back.
  makeFolder(join(gitFolder, 'staging'))
  mkdirSync(near)
  if (isRenamable(near, join(target, `${probePrefix}${name}`))) return near
  rmSync(near, { recursive: true })
  const inside = join(target, insideName)
  if (!leadsInside(target, join(insideName, name))) {
    throw new IsolateError(`${inside} leads out of ${target} through a symlink`, { hint: 'Remove it.' })
  }
  makeSelfIgnoringFolder(inside)
  mkdirSync(join(inside, name))
  return join(inside, name)
}

/** Removes what dead processes left in the git folder and in `target`. */
export function sweepStaging({ gitFolder, target }: StagingPlace): void {
  sweepGitFolder(gitFolder)
  sweep(join(target, insideName))
  for (const name of listFolder(target)) {
    if (isOurs(name, probePrefix) && !isMakerAlive(name.slice(probePrefix.length)))
      removeFolderIfEmpty(join(target, name))
  }
}

/** Removes what dead processes left in the git folder. What living ones make there stays: a database, beside dependencies. */
export function sweepGitFolder(gitFolder: string): void {
  sweep(join(gitFolder, 'staging'))
}

/** Removes a staging folder and what is left in it. */
export function removeStaging(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  if (basename(dirname(folder)) === insideName) removeSelfIgnoringFolder(dirname(folder))
}

const insideName = '.agent-isolate-staging'
const probePrefix = '.agent-isolate-'

function isOurs(name: string, prefix = ''): boolean {
  return name.startsWith(prefix) && /^\d+-[0-9a-f]{12}$/.test(name.slice(prefix.length))
}

function sweep(folder: string): void {
  const left = listFolder(folder).filter((name) => isOurs(name) && !isMakerAlive(name))
  for (const name of left) removeStaging(join(folder, name))
}

function listFolder(folder: string): string[] {
  return findEntry(folder)?.isDirectory() ? readdirSync(folder) : []
}

/** Asked of the file system, since bind mounts of one device refuse a rename too. Git takes no notice of an empty folder. */
function isRenamable(from: string, to: string): boolean {
  const probe = join(from, 'probe')
  mkdirSync(probe)
  try {
    renameSync(probe, to)
  } catch (error) {
    if (errorCode(error) === 'EXDEV') return false
    throw error
  }
  rmdirSync(to)
  return true
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
  }
}

function isMakerAlive(name: string): boolean {
  return isAlive({ ...ownIdentity(), pid: Number(name.split('-')[0]), startTime: '' })
}
