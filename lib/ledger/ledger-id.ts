/** Tells this ledger from those of other users and machines that share a container engine or a database server with it. */
import { randomBytes } from 'node:crypto'
import { existsSync, renameSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { digestOf } from '../files/digest.ts'
import { readIfAny } from '../files/read-if-any.ts'
import { requireStateFolder, stateFolder } from '../state/state-folder.ts'
import { writeTemporaryFile } from '../state/temporary-file.ts'

/**
 * 16 hex digits. Drawn when it is first asked for, and again where the state folder has come to another machine, with an image
 * or a backup: two ledgers of one id would take each other's databases for their own left ones. What bears an older id is then
 * still released by its lease, and only no longer found without one.
 */
export function ledgerId(): string {
  const place = describePlace()
  return readId(place) ?? drawId(place)
}

/** False as long as nothing was made on an engine or a server. */
export function hasLedgerId(): boolean {
  return existsSync(join(stateFolder(), fileName))
}

const fileName = 'ledger-id'

function readId(place: string): string | undefined {
  const [id, drawnAt] = (readIfAny(join(stateFolder(), fileName)) ?? '').trim().split(' ')
  return id !== undefined && /^[0-9a-f]{16}$/.test(id) && drawnAt === place ? id : undefined
}

/** Of several that draw at once the last one stays; the others' marks are on what their leases know of. */
function drawId(place: string): string {
  const path = join(requireStateFolder('.'), fileName)
  renameSync(writeTemporaryFile(`${randomBytes(8).toString('hex')} ${place}`, { durable: true }), path)
  return readId(place) ?? drawId(place)
}

function describePlace(): string {
  const { dev, ino } = statSync(requireStateFolder('.'))
  const machine = readIfAny('/etc/machine-id')?.trim() ?? ''
  return digestOf(JSON.stringify([hostname(), machine, dev, ino]), 16)
}
