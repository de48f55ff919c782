/** Folders of ours in a checkout: they ignore themselves, so that `git status` stays clean without any rule of the repository's. */
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { errorCode, errorText, IsolateError } from '../report/isolate-error.ts'
import { isTaken } from './inner-path.ts'
import { readIfFile } from './read-if-any.ts'

/** A folder that has been there, with anything in it, is the user's: it gets no ignore file. Throws `IsolateError`. */
export function makeSelfIgnoringFolder(folder: string): void {
  const ignoreFile = join(folder, '.gitignore')
  try {
    mkdirSync(folder, { recursive: true })
    const isFree = readdirSync(folder).every((entry) => entry === '.gitignore')
    if (isFree && (!isTaken(ignoreFile) || isHalfMade(ignoreFile))) writeFileSync(ignoreFile, ignoreText)
  } catch (error) {
    if (errorCode(error) === undefined) throw error
    throw new IsolateError(`the folder ${folder} cannot be made: ${errorText(error)}`, { cause: error })
  }
}

/** True for the ignore file of a folder of ours, in a worktree, that a process was killed over. */
export function isHalfMadeIgnoreFile(path: string): boolean {
  const isInOurs = basename(path) === '.gitignore' && /^\.agent-isolate(?:-staging)?$/.test(basename(dirname(path)))
  return isInOurs && isHalfMade(path)
}

function isHalfMade(ignoreFile: string): boolean {
  const text = readIfFile(ignoreFile)
  return text !== undefined && text !== ignoreText && ignoreText.startsWith(text)
}

/** Does nothing while there is anything in the folder beside our ignore file. Returns whether it is gone. */
export function removeSelfIgnoringFolder(folder: string): boolean {
  if (!existsSync(folder)) return true
  if (!statSync(folder).isDirectory() || readdirSync(folder).some((entry) => entry !== '.gitignore')) return false
  const ignoreFile = join(folder, '.gitignore')
  if (isTaken(ignoreFile) && readIfFile(ignoreFile) !== ignoreText && !isHalfMade(ignoreFile)) return false
  rmSync(ignoreFile, { force: true })
  return removeFolderIfEmpty(folder)
}

/** Returns whether the folder is gone. One that cannot be removed is no reason for anything else to fail. */
export function removeFolderIfEmpty(folder: string): boolean {
  try {
    rmdirSync(folder)
    return true
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return true
    if (['ENOTEMPTY', 'EEXIST', 'EBUSY', 'ENOTDIR', 'EROFS', 'EACCES', 'EPERM'].includes(errorCode(error) ?? ''))
      return false
    throw error
  }
}

const ignoreText = '# made by agent-isolate, and removed with it\n*\n'
