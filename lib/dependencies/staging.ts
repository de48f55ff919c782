/**
 * Where dependency folders, databases, copies and the env file are made before they are renamed into place, so that the
 * worktree only ever has whole ones, and git never sees half of one.
 * Each piece of work has a folder of its own, named after its process, so that what a killed one left can be swept.
 */
import { mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { findEntry, leadsInside } from '../files/inner-path.ts'
import { errorCode, IsolateError } from '../report/isolate-error.ts'
import { isLeftBehind, newMakerName } from '../state/maker-name.ts'
import { makeSelfIgnoringFolder, removeSelfIgnoringFolder, removeFolderIfEmpty } from '../files/self-ignoring-folder.ts'

/** `gitFolder`: our own in the worktree's git folder. `target`: the folder, a real path, that things are to be renamed into. */
export type StagingPlace = { gitFolder: string; target: string }

/** Makes an empty folder from which things can be renamed into `target`: in the git folder, or where that cannot be, beside them. */
export function createStaging({ gitFolder, target }: StagingPlace): string {
  const name = newMakerName()
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
    const path = join(target, name)
    if (name.startsWith(probePrefix) && isLeftBehind(path, name.slice(probePrefix.length))) removeFolderIfEmpty(path)
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

function sweep(folder: string): void {
  const paths = listFolder(folder).map((name) => join(folder, name))
  for (const path of paths.filter((one) => isLeftBehind(one))) removeStaging(path)
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
