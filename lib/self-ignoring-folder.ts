/** Folders of ours in a checkout: they ignore themselves, so that `git status` stays clean without any rule of the repository's. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from './isolate-error.ts'

/** A folder that has been there, with anything in it, is the user's: it gets no ignore file. */
export function makeSelfIgnoringFolder(folder: string): void {
  mkdirSync(folder, { recursive: true })
  if (readdirSync(folder).length === 0) writeFileSync(join(folder, '.gitignore'), ignoreText)
}

/** Does nothing while there is anything in the folder beside our ignore file. Answers whether it is gone. */
export function removeSelfIgnoringFolder(folder: string): boolean {
  if (!existsSync(folder)) return true
  if (!statSync(folder).isDirectory() || readdirSync(folder).some((entry) => entry !== '.gitignore')) return false
  const ignoreFile = join(folder, '.gitignore')
  if (existsSync(ignoreFile) && readFileSync(ignoreFile, 'utf8') !== ignoreText) return false
  rmSync(ignoreFile, { force: true })
  return removeFolderIfEmpty(folder)
}

/** Answers whether the folder is gone. One that cannot be removed is no reason for anything else to fail. */
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
