/** Folders of ours in a checkout: they ignore themselves, so that `git status` stays clean without any rule of the repository's. */
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from './isolate-error.ts'

export function makeSelfIgnoringFolder(folder: string): void {
  mkdirSync(folder, { recursive: true })
  const ignoreFile = join(folder, '.gitignore')
  if (!existsSync(ignoreFile)) writeFileSync(ignoreFile, ignoreText)
}

/** Does nothing while there is anything in the folder beside our ignore file. Answers whether it is gone. */
export function removeSelfIgnoringFolder(folder: string): boolean {
  if (!existsSync(folder)) return true
  if (readdirSync(folder).some((entry) => entry !== '.gitignore')) return false
  rmSync(join(folder, '.gitignore'), { force: true })
  return removeFolderIfEmpty(folder)
}

/** Answers whether the folder is gone. */
export function removeFolderIfEmpty(folder: string): boolean {
  try {
    rmdirSync(folder)
    return true
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return true
    if (['ENOTEMPTY', 'EEXIST', 'EBUSY'].includes(errorCode(error) ?? '')) return false
    throw error
  }
}

const ignoreText = '# made by agent-isolate, and removed with it\n*\n'
