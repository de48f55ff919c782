/**
 * Names a process so that it can be told, later and from any other process, whether that very process still runs:
 * a pid alone is reused. "Dead" is only ever said on proof.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { isWithin } from './inner-path.ts'
import { errorCode } from './isolate-error.ts'

/** A process of some machine, as a lock or a lease remembers it. */
export type ProcessIdentity = {
  pid: number
  /** Clock ticks since boot (Linux, field 22 of /proc/PID/stat) or a date (`ps -o lstart=`); '' where neither is to be had. */
  startTime: string
  /** Changes at every boot; '' where the system does not tell. */
  bootId: string
  host: string
}

/** Who we are. */
export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, startTime: startTimeOf(process.pid) ?? '', bootId: bootId(), host: hostname() }
}

/** False only on proof: gone, a zombie, another process under the same pid, or another boot. Another host counts as alive. */
export function isAlive(identity: ProcessIdentity): boolean {
  if (identity.host !== hostname()) return true
  if (identity.bootId !== '' && bootId() !== '' && identity.bootId !== bootId()) return false
  if (!pidExists(identity.pid)) return false
  const startTime = startTimeOf(identity.pid)
  if (startTime === undefined) return process.platform === 'win32'
  return identity.startTime === '' || startTime === '' || identity.startTime === startTime
}

/** Accepts data from a file; undefined when it is not an identity. */
export function parseProcessIdentity(value: unknown): ProcessIdentity | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (!('pid' in value && 'startTime' in value && 'bootId' in value && 'host' in value)) return undefined
  const { pid, startTime, bootId: boot, host } = value
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) return undefined
  if (typeof startTime !== 'string' || typeof boot !== 'string' || typeof host !== 'string') return undefined
  return { pid, startTime, bootId: boot, host }
}

/**
 * Pids of living processes, other than us, that work in `folder` or name it on their command line. A killed hook leaves
 * its git children running; this is how they are found. Linux alone: elsewhere the list is empty.
 */
export function findProcessesAt(folder: string): number[] {
  if (!isLinux) return []
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter(
      (pid) => isWithin(folder, readCwd(pid)) || readProcFile(`/proc/${pid}/cmdline`)?.split('\0').includes(folder),
    )
}

const isLinux = process.platform === 'linux'

function bootId(): string {
  return isLinux ? (readProcFile('/proc/sys/kernel/random/boot_id')?.trim() ?? '') : ''
}

function pidExists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errorCode(error) !== 'ESRCH'
  }
}

/** Undefined when the process is gone, or is a zombie, which holds nothing any more; '' when there is no telling. */
function startTimeOf(pid: number): string | undefined {
  return isLinux ? linuxStartTime(readProcFile(`/proc/${pid}/stat`)) : psStartTime(pid)
}

/** The command (field 2) is in parentheses and may hold spaces and parentheses itself: see proc_pid_stat(5). */
function linuxStartTime(stat: string | undefined): string | undefined {
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  const state = fields?.[0]
  return state === undefined || state === 'Z' || state === 'X' ? undefined : fields?.[19]
}

function psStartTime(pid: number): string | undefined {
  if (process.platform === 'win32') return undefined
  try {
    const text = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, LC_ALL: 'C' },
    })
    return text.trim() || undefined
  } catch (error) {
    // ps answers 1 for a pid that is not there; anything else (no ps at all) proves nothing.
    if (typeof error === 'object' && error !== null && 'status' in error && error.status === 1) return undefined
    return ''
  }
}

/** '' for a process that is gone or another user's. */
function readCwd(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch (error) {
    if (isUnreadable(error)) return ''
    throw error
  }
}

function readProcFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (isUnreadable(error)) return undefined
    throw error
  }
}

function isUnreadable(error: unknown): boolean {
  return ['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(errorCode(error) ?? '')
}
