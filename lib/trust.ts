/**
 * Which repositories may have their own commands run. A hook registered for the user fires in every repository they
 * clone, so trust is given by hand, to the exact text of agent-isolate.json, and ends when that text changes.
 */
import { createHash } from 'node:crypto'
import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { IsolateError } from './isolate-error.ts'
import { withLock } from './lock.ts'
import { parseJson } from './parse-json.ts'
import { readIfAny } from './read-if-any.ts'
import { requireStateFolder, stateFolder } from './state-folder.ts'
import { writeTemporaryFile } from './temporary-file.ts'

/** `commonDir` names the repository; `text` is all that may be run: its agent-isolate.json, and the seed script that it names; '' without. */
export type Trustee = { commonDir: string; text: string }

export function isTrusted({ commonDir, text }: Trustee): boolean {
  return loadTrust()[commonDir] === hashOf(text)
}

export async function trust({ commonDir, text }: Trustee): Promise<void> {
  await changeTrust((entries) => ({ ...entries, [commonDir]: hashOf(text) }))
}

/** Answers whether there was any trust to take back. */
export async function distrust(commonDir: string): Promise<boolean> {
  let existed = false
  await changeTrust(({ [commonDir]: entry, ...others }) => {
    existed = entry !== undefined
    return others
  })
  return existed
}

type Entries = Record<string, string>

async function changeTrust(change: (entries: Entries) => Entries): Promise<void> {
  await withLock('trust', { purpose: 'the record of trusted repositories', waitMs: 10_000 }, async () => {
    const text = JSON.stringify(change(loadTrust()), undefined, 2)
    renameSync(writeTemporaryFile(`${text}\n`, { durable: true }), trustPath())
  })
}

function trustPath(): string {
  return join(requireStateFolder('.'), 'trust.json')
}

/** A file that cannot be read as such a record is an error: guessing would either trust or forget. */
function loadTrust(): Entries {
  const path = join(stateFolder(), 'trust.json')
  const text = readIfAny(path)
  if (text === undefined) return {}
  const value = parseJson(text)
  if (typeof value !== 'object' || value === null) throw unreadable(path)
  const entries = Object.entries(value)
  if (!entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')) throw unreadable(path)
  return Object.fromEntries(entries)
}

function unreadable(path: string): IsolateError {
  return new IsolateError(`${path} is damaged`, { hint: 'Delete it and give trust again: agent-isolate trust' })
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
