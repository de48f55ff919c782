/**
 * Which repositories may have their own commands run. A hook registered for the user fires in every repository they
 * clone, so trust is given by hand, to the exact text of all that takes effect, and ends when that text changes. It is
 * tied to the git folder by a secret in it, so that another repository at the same path later is not trusted. (The
 * folder's inode and birth time would not do: inodes are given out again, and not every file system knows a birth time.)
 */
import { createHash, randomBytes } from 'node:crypto'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { IsolateError } from '../report/isolate-error.ts'
import { withLock } from '../state/lock.ts'
import { parseJson } from '../files/json.ts'
import { readIfAny } from '../files/read-if-any.ts'
import { requireStateFolder, stateFolder } from '../state/state-folder.ts'
import { writeTemporaryFile } from '../state/temporary-file.ts'

/**
 * `commonDir` names the repository; `texts` are all that has an effect: agent-isolate.json ('' without), the seed script
 * that it names, the environment template (undefined without), and the templates of single apps. Their order counts.
 */
export type Trustee = { commonDir: string; texts: readonly (string | undefined)[] }

export function isTrusted({ commonDir, texts }: Trustee): boolean {
  const known = loadTrust()[commonDir]
  if (known === undefined) return false
  const secret = readIfAny(secretPath(commonDir))
  return secret !== undefined && known === hashOf(secret, texts)
}

/** Throws when the git folder cannot be written. */
export async function trust({ commonDir, texts }: Trustee): Promise<void> {
  await changeTrust((entries) => {
    const secret = randomBytes(16).toString('hex')
    removeSecret(commonDir)
    writeFileSync(secretPath(commonDir), secret, { mode: 0o600, flag: 'wx' })
    return { ...entries, [commonDir]: hashOf(secret, texts) }
  })
}

/** Returns whether there was any trust to take back. */
export async function distrust(commonDir: string): Promise<boolean> {
  let existed = false
  await changeTrust(({ [commonDir]: entry, ...others }) => {
    existed = entry !== undefined
    removeSecret(commonDir)
    return others
  })
  return existed
}

function removeSecret(commonDir: string): void {
  rmSync(secretPath(commonDir), { force: true })
}

/** In the folder that all worktrees share; a clone does not take it along. */
function secretPath(commonDir: string): string {
  return join(commonDir, 'agent-isolate-trust')
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

/** As JSON, no text can pass for the end of one and the beginning of the next. */
function hashOf(secret: string, texts: Trustee['texts']): string {
  return createHash('sha256')
    .update(JSON.stringify([secret, ...texts]))
    .digest('hex')
}
