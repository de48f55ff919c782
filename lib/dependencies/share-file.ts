/**
 * Gives a second name or a cheap second body to a file: a reflink where the file system can, else a hardlink, else a copy.
 * A hardlink is the same file (link(2)): a write in place, `chmod`, `chown` or `touch` on one name shows under the other.
 */
import { constants, copyFileSync, linkSync, lstatSync, rmSync, utimesSync } from 'node:fs'
import { errorCode } from '../report/isolate-error.ts'

/** Puts the content of `from` at `to`, which must not exist. */
export type ShareFile = (from: string, to: string) => void
type Method = 'reflink' | 'hardlink' | 'copy'

/** What reflinks answer where there are none: ioctl_ficlone(2) and libuv's uv_fs_copyfile. */
const noReflink = ['ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'ENOTTY', 'EINVAL', 'EXDEV', 'EPERM', 'EBADF']
/** What hardlinks answer where there are none: link(2); EPERM also for files of others (fs.protected_hardlinks). */
const noHardlink = ['EXDEV', 'EPERM', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']

/** Finds out with the first file what the file system can do, and keeps to it. */
export function createShareFile(): ShareFile {
  // Deno copies in full where COPYFILE_FICLONE_FORCE is asked for and cannot be had, instead of failing (measured, 2.9).
  let method: Method = process.versions['deno'] === undefined ? 'reflink' : 'hardlink'
  return (from, to) => {
    if (method === 'reflink') {
      if (tryReflink(from, to)) return
      method = 'hardlink'
    }
    if (method === 'hardlink') {
      const failure = tryHardlink(from, to)
      if (failure === undefined) return
      // EMLINK is the matter of this one file: it has all the names it can have.
      if (failure !== 'EMLINK') method = 'copy'
    }
    copyWhole(from, to)
  }
}

/** A body of its own, with the times of the original: Python takes a source for changed by its time. */
export function copyWhole(from: string, to: string): void {
  copyFileSync(from, to, constants.COPYFILE_FICLONE)
  keepTimes(from, to)
}

function tryReflink(from: string, to: string): boolean {
  try {
    copyFileSync(from, to, constants.COPYFILE_FICLONE_FORCE)
  } catch (error) {
    if (!noReflink.includes(errorCode(error) ?? '')) throw error
    rmSync(to, { force: true })
    return false
  }
  keepTimes(from, to)
  return true
}

function tryHardlink(from: string, to: string): string | undefined {
  try {
    linkSync(from, to)
    return undefined
  } catch (error) {
    const code = errorCode(error)
    if (code !== 'EMLINK' && !noHardlink.includes(code ?? '')) throw error
    return code
  }
}

function keepTimes(from: string, to: string): void {
  const { atime, mtime } = lstatSync(from)
  utimesSync(to, atime, mtime)
}
