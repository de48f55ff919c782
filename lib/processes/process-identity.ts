/**
 * Names a process so that it can be told, later and from any other process, whether that very process still runs:
 * a pid alone is reused. "Dead" is only ever said on proof.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { isWithin } from '../files/inner-path.ts'
import { isObject, textOf } from '../files/json.ts'
import { errorCode } from '../report/isolate-error.ts'
import { readProcFile, readProcLink } from './proc-file.ts'
import { isSeenFromOutside, ownPlace, relatePlace, type Place } from './process-place.ts'

/** A process of some machine, as a lock or a lease remembers it. */
export type ProcessIdentity = Place & {
  pid: number
  /**
   * Clock ticks since boot (Linux, field 22 of /proc/PID/stat), or an ISO date (from `ps`); '' where neither is to be had.
   * What has another form, as older versions wrote, tells nothing.
   */
  startTime: string
}

/** Where the start time of a process is read: in /proc, from `ps`, or nowhere. */
export type ProcessSource = 'proc' | 'ps' | 'none'

/** Pure. */
export function processSource(platform: NodeJS.Platform = process.platform): ProcessSource {
  if (platform === 'linux') return 'proc'
  return platform === 'win32' ? 'none' : 'ps'
}

/** Who we are. */
export function ownIdentity(source: ProcessSource = processSource()): ProcessIdentity {
  return { pid: process.pid, startTime: startTimeOf(process.pid, source) ?? '', ...ownPlace() }
}

/**
 * False only on proof: gone, a zombie, another process under the same pid, or an earlier boot of this machine. On another
 * machine, and in a container that we cannot look into, it counts as alive.
 */
export function isAlive(identity: ProcessIdentity, source: ProcessSource = processSource()): boolean {
  const { pid, pidNamespace, startTime } = identity
  switch (relatePlace(identity, ownPlace())) {
    case 'ended':
      return false
    case 'elsewhere':
      return true
    case 'inner':
      return isSeenFromOutside(pid, pidNamespace)
    case 'same':
      return isRunning(pid, source, startTime)
  }
}

/** Whether its pid means here what it means there, so that it can be signalled. */
export function isWithinReach(identity: ProcessIdentity): boolean {
  return relatePlace(identity, ownPlace()) === 'same'
}

/** Of a pid of ours; `startTime` is that of the process that is meant, where it is known. False only on proof. */
export function isRunning(pid: number, source: ProcessSource = processSource(), startTime = ''): boolean {
  if (!pidExists(pid)) return false
  const found = startTimeOf(pid, source)
  return found !== undefined && !areDifferent(startTime, found)
}

/** Accepts data from a file; undefined when it is not an identity. Older versions wrote neither machine nor namespace. */
export function parseProcessIdentity(value: unknown): ProcessIdentity | undefined {
  if (!isObject(value)) return undefined
  const { pid, startTime, bootId, host, machine, pidNamespace } = value
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) return undefined
  if (typeof startTime !== 'string' || typeof bootId !== 'string' || typeof host !== 'string') return undefined
  return { pid, startTime, host, machine: textOf(machine) ?? '', bootId, pidNamespace: textOf(pidNamespace) }
}

/**
 * Pids of living processes, other than us, that work in `folder` or name it on their command line. A killed hook leaves
 * its git children running; this is how they are found. Linux alone: elsewhere the list is empty.
 */
export function findProcessesAt(folder: string): number[] {
  if (processSource() !== 'proc') return []
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter(
      (pid) =>
        isWithin(folder, readProcLink(`/proc/${pid}/cwd`)) ||
        readProcFile(`/proc/${pid}/cmdline`)?.split('\0').includes(folder),
    )
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
function startTimeOf(pid: number, source: ProcessSource): string | undefined {
  switch (source) {
    case 'proc':
      return linuxStartTime(readProcFile(`/proc/${pid}/stat`))
    case 'ps':
      return psStartTime(pid)
    case 'none':
      return ''
  }
}

/** The command (field 2) is in parentheses and may hold spaces and parentheses itself: see proc_pid_stat(5). */
function linuxStartTime(stat: string | undefined): string | undefined {
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  const state = fields?.[0]
  return state === undefined || state === 'Z' || state === 'X' ? undefined : fields?.[19]
}

/** In UTC and English, whatever the user's are: two processes have to read one date. */
function psStartTime(pid: number): string | undefined {
  const { error, status, stdout, stderr } = spawnSync('ps', ['-o', 'stat=', '-o', 'lstart=', '-p', String(pid)], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C', TZ: 'UTC0' },
  })
  if (error !== undefined) return ''
  // In silence it says that the pid is not there; a ps that knows no such columns proves nothing.
  if (status === 1 && stdout.trim() === '' && stderr === '') return undefined
  const [, state = '', started = ''] = /^(\S+)\s+(.+)$/.exec(stdout.trim()) ?? []
  if (state.startsWith('Z')) return undefined
  const date = new Date(`${started} UTC`)
  return status !== 0 || Number.isNaN(date.getTime()) ? '' : date.toISOString()
}

/** `ps` reckons some dates from the clock of today, and rounds. A pid does not come back that soon. */
const dateToleranceMs = 2000

/** Whether two start times are proof of two processes. Pure. */
function areDifferent(one: string, other: string): boolean {
  if ([one, other].every((text) => /^\d+$/.test(text))) return one !== other
  if (![one, other].every((text) => /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text))) return false
  return Math.abs(Date.parse(one) - Date.parse(other)) > dateToleranceMs
}
