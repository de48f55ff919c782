/**
 * The last resort, without any SQLite: a copy of the file and its write-ahead log that counts only if nothing was
 * written meanwhile, by the log's index and by the sizes and times of the files before and after.
 */
import { closeSync, constants, existsSync, openSync, readSync, rmSync, statSync, type BigIntStats } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { errorCode, errorText } from '../../report/isolate-error.ts'
import { busyTimeoutMs, type CopyTask, type SqliteEngine, type SqliteOutcome } from './engine.ts'
import { applyWriteAheadLog } from './write-ahead-log.ts'

export const provenCopy: SqliteEngine = {
  name: 'copy',
  isBlocking: false,
  caveat:
    'no SQLite was found that can read it (sqlite3, python3 or better-sqlite3), so it was copied as a file and proved ' +
    'by its times alone',
  perform: async (task) => (task.kind === 'backup' ? copyWhileQuiet(task) : { state: 'absent' }),
}

/** A write in the same tick of the file system's clock leaves the time as it was; Linux ticks every 1–10 ms. */
const clockTickMs = 50

async function copyWhileQuiet({ source, target }: CopyTask): Promise<SqliteOutcome> {
  for (const deadline = Date.now() + busyTimeoutMs; Date.now() < deadline; await sleep(clockTickMs)) {
    const before = observe(source)
    if (before === undefined) continue
    try {
      await copyFiles(source, target)
    } catch (error) {
      if (errorCode(error) === 'ENOENT') continue
      if (errorCode(error) === 'ENOSPC') return { state: 'failed', message: errorText(error) }
      throw error
    }
    if (observe(source) !== before) continue
    if (existsSync(`${target}-wal`)) applyWriteAheadLog(`${target}-wal`, target)
    rmSync(`${target}-wal`, { force: true })
    return { state: 'done' }
  }
  return { state: 'failed', message: 'it is written to all the time, or a transaction was cut off in it' }
}

async function copyFiles(source: string, target: string): Promise<void> {
  await copyFile(source, target, constants.COPYFILE_FICLONE)
  rmSync(`${target}-wal`, { force: true })
  if (existsSync(`${source}-wal`)) await copyFile(`${source}-wal`, `${target}-wal`)
}

/** The state of the database as text that changes with each write; undefined while a write is under way or just over. */
function observe(source: string): string | undefined {
  if (isJournalHot(readStart(`${source}-journal`, 8))) return undefined
  const files = [source, `${source}-wal`].map((path) => statSync(path, { bigint: true, throwIfNoEntry: false }))
  if (files.some((file) => file !== undefined && Date.now() - Number(file.mtimeMs) < clockTickMs)) return undefined
  return [...files.map(describeFile), describeLogIndex(readStart(`${source}-shm`, 136))].join(' ')
}

function describeFile(file: BigIntStats | undefined): string {
  return file === undefined ? 'none' : [file.ino, file.size, file.mtimeNs, file.ctimeNs].join(',')
}

/** A journal that was finished by `journal_mode` persist or truncate begins with zeros or is empty. */
function isJournalHot(start: Buffer): boolean {
  return start.some((byte) => byte !== 0)
}

/** Both index headers and how far the log is checkpointed; the rest is readers' marks (https://sqlite.org/walformat.html). */
function describeLogIndex(start: Buffer): string {
  return start.subarray(0, 100).toString('hex') + start.subarray(128, 132).toString('hex')
}

/** The first bytes of a file; none when there is no file. */
function readStart(path: string, bytes: number): Buffer {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return Buffer.alloc(0)
    throw error
  }
  try {
    const start = Buffer.alloc(bytes)
    return start.subarray(0, readSync(file, start, 0, bytes, 0))
  } finally {
    closeSync(file)
  }
}
