/**
 * Where a process runs: which machine, which boot of it, which pid namespace. Only within one of these do pids mean the same.
 *
 * Known on Linux: the boot id, one for a running kernel and so for all of its containers; the pid namespace, one for each
 * container and each sandbox; machine-id(5), which stays over boots and names, but which an image gives to all of its
 * containers, so in them it counts for nothing. On macOS: the id of the boot. Anywhere: the host name, which DHCP may change.
 * Not known: a container that was restarted from others on its host, and on macOS the machine over a boot and a change of name.
 * Then nothing is proved, and who is asked about counts as alive.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { hostname } from 'node:os'
import { digestOf } from '../files/digest.ts'
import { readProcFile, readProcLink } from './proc-file.ts'

export type Place = {
  host: string
  /** Stays over boots and changes of the host's name; '' where there is nothing of the kind. */
  machine: string
  /** Changes at every boot; '' where the system does not tell. */
  bootId: string
  /** As in `pid:[4026531836]`; '' where there are none, undefined where an older version did not write it down. */
  pidNamespace: string | undefined
}

/** Where we are. */
export function ownPlace(): Place {
  const pidNamespace = ownPidNamespace()
  return { host: hostname(), machine: machineId(pidNamespace), bootId: ownBootId(), pidNamespace }
}

/**
 * A short word for the place in which our pids mean what they mean, for the names of files. Another boot, machine or
 * container has another one.
 */
export function ownPlaceMark(): string {
  const bootId = ownBootId()
  const place = bootId === '' ? hostname() : `${bootId} ${ownPidNamespace()}`
  return digestOf(place, 12)
}

/**
 * What one place is to another. `same`: pids can be compared. `ended`: an earlier boot of this machine. `inner`: a pid
 * namespace of this kernel, of which we see all processes. `elsewhere`: nothing can be told. Pure.
 */
export function relatePlace(there: Place, here: Place): 'same' | 'ended' | 'inner' | 'elsewhere' {
  if (there.bootId !== '' && there.bootId === here.bootId) return relateNamespace(there, here)
  if (!isSameMachine(there, here)) return 'elsewhere'
  return there.bootId !== '' && here.bootId !== '' ? 'ended' : 'same'
}

/** True when a process that has `pid` in that namespace can be seen from the outermost one, or when not all can be seen. */
export function isSeenFromOutside(pid: number, pidNamespace: string | undefined): boolean {
  // With hidepid (proc(5)) those of others are not there.
  if (readProcFile('/proc/1/status') === undefined) return true
  return readdirSync('/proc').some((name) => {
    if (!/^\d+$/.test(name)) return false
    const numbers = /^NSpid:\s*(.*)$/m.exec(readProcFile(`/proc/${name}/status`) ?? '')?.[1]?.split(/\s+/) ?? []
    if (numbers.length < 2 || numbers.at(-1) !== String(pid)) return false
    // '' for another user's process, which may well be the one.
    const namespace = readProcLink(`/proc/${name}/ns/pid`)
    return namespace === '' || namespace === pidNamespace
  })
}

/** The kernel's PROC_PID_INIT_INO (include/linux/proc_ns.h): that of no container. */
const outermostNamespace = 'pid:[4026531836]'

function relateNamespace(there: Place, here: Place): 'same' | 'inner' | 'elsewhere' {
  if (there.pidNamespace === undefined) return there.host === here.host ? 'same' : 'elsewhere'
  if (there.pidNamespace === here.pidNamespace) return 'same'
  return here.pidNamespace === outermostNamespace ? 'inner' : 'elsewhere'
}

function isSameMachine(there: Place, here: Place): boolean {
  return there.machine !== '' && here.machine !== '' ? there.machine === here.machine : there.host === here.host
}

function machineId(pidNamespace: string): string {
  if (pidNamespace !== outermostNamespace) return ''
  const text = (readProcFile('/etc/machine-id') ?? readProcFile('/var/lib/dbus/machine-id') ?? '').trim()
  // An image's first boot finds it empty, or "uninitialized".
  return /^[0-9a-f]{32}$/.test(text) ? text : ''
}

function ownPidNamespace(): string {
  return process.platform === 'linux' ? readProcLink('/proc/self/ns/pid') : ''
}

function ownBootId(): string {
  if (process.platform === 'linux') return readProcFile('/proc/sys/kernel/random/boot_id')?.trim() ?? ''
  if (process.platform !== 'darwin') return ''
  const { status, stdout } = spawnSync('/usr/sbin/sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : ''
}
