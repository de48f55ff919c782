/** Tells this ledger from those of other users and machines that share a container engine or a database server with it. */
import { randomBytes } from 'node:crypto'
import { linkSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from './isolate-error.ts'
import { readIfAny } from './read-if-any.ts'
import { requireStateFolder } from './state-folder.ts'
import { writeTemporaryFile } from './temporary-file.ts'

/** 16 hex digits, drawn when it is first asked for. */
export function ledgerId(): string {
  const path = join(requireStateFolder('.'), 'ledger-id')
  return readIfAny(path) ?? drawId(path)
}

/** Of several that draw at once, the first to link is the one. */
function drawId(path: string): string {
  const finished = writeTemporaryFile(randomBytes(8).toString('hex'), { durable: true })
  try {
    linkSync(finished, path)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
  } finally {
    rmSync(finished, { force: true })
  }
  return readIfAny(path) ?? drawId(path)
}
