/** Tells this ledger from those of other users and machines that share a container engine or a database server with it. */
import { randomBytes } from 'node:crypto'
import { linkSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode, IsolateError } from './isolate-error.ts'
import { readIfAny } from './read-if-any.ts'
import { requireStateFolder } from './state-folder.ts'
import { writeTemporaryFile } from './temporary-file.ts'

/** 16 hex digits, drawn when it is first asked for. Throws `IsolateError` when the file is damaged. */
export function ledgerId(): string {
  const path = join(requireStateFolder('.'), 'ledger-id')
  return readId(path) ?? drawId(path)
}

/** Throws `IsolateError` for anything but what we wrote: marks could not be told from others' any more. */
function readId(path: string): string | undefined {
  const id = readIfAny(path)?.trim()
  if (id === undefined || /^[0-9a-f]{16}$/.test(id)) return id
  throw new IsolateError(`${path} is damaged`, {
    hint: 'Restore it; or remove it, and what was made under the old one has to be removed by hand.',
  })
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
  return readId(path) ?? drawId(path)
}
