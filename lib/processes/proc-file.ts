/** Reads what Linux tells in /proc, where a process may be gone, or another user's, at any moment. */
import { readFileSync, readlinkSync } from 'node:fs'
import { errorCode } from '../report/isolate-error.ts'

/** Undefined for what is gone, or not for us to see. */
export function readProcFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (isUnreadable(error)) return undefined
    throw error
  }
}

/** Where a link leads; '' for what is gone, or not for us to see. */
export function readProcLink(path: string): string {
  try {
    return readlinkSync(path)
  } catch (error) {
    if (isUnreadable(error)) return ''
    throw error
  }
}

function isUnreadable(error: unknown): boolean {
  return ['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(errorCode(error) ?? '')
}
