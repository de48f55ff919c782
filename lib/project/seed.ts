/**
 * What the databases in a container start from: .sql files, a dump, a command. It is among what a repository is trusted with.
 */
import { createHash, type Hash } from 'node:crypto'
import { closeSync, existsSync, readSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { extname, join } from 'node:path'
import type { PostgresDockerConfig } from './config.ts'
import { isWithin } from '../files/inner-path.ts'
import { IsolateError } from '../report/isolate-error.ts'
import { openRegularFile } from '../files/read-if-any.ts'

export type Seed = {
  /** Absolute; in the order in which they are run. */
  files: readonly string[]
  command: string | undefined
  /** SHA-256 (hex) of all that is run; '' when there is nothing. */
  hash: string
}

/** `source` is the main checkout. Throws `IsolateError` for a seed that is not there, or leads out of the repository. */
export function findSeed(
  source: string | undefined,
  { seed, seedCommand }: Pick<PostgresDockerConfig, 'seed' | 'seedCommand'>,
): Seed {
  const files = seed === undefined || source === undefined ? [] : listSeedFiles(source, seed)
  if (files.length === 0 && seedCommand === undefined) return { files, command: undefined, hash: '' }
  const hash = createHash('sha256').update(JSON.stringify(seedCommand ?? ''))
  for (const file of files) hashFile(file, hash)
  return { files, command: seedCommand, hash: hash.digest('hex') }
}

/** Piece by piece: a dump may be larger than memory. */
function hashFile(file: string, hash: Hash): void {
  const handle = openRegularFile(file)
  const piece = Buffer.alloc(1 << 20)
  try {
    for (let count = -1; count !== 0;) {
      count = readSync(handle, piece)
      hash.update(piece.subarray(0, count))
    }
  } finally {
    closeSync(handle)
  }
  hash.update('\0')
}

/** A file, or the .sql files and dumps of a folder, by name. */
export function listSeedFiles(source: string, seed: string): string[] {
  const path = join(source, seed)
  const hint = 'Make it, or take "database.seed" out of agent-isolate.json.'
  const real = requireWithin(source, path, hint)
  if (!statSync(real).isDirectory()) return [real]
  const names = readdirSync(real)
    .filter((name) => seedTypes.has(extname(name)))
    .toSorted()
  const files = names
    .map((name) => requireWithin(source, join(real, name), hint))
    .filter((file) => statSync(file).isFile())
  if (files.length > 0) return files
  throw new IsolateError(`the database seed ${path} holds no .sql file and no dump`, {
    hint: 'Folders in it are not looked into: name one of them, or use "database.seedCommand".',
  })
}

function requireWithin(source: string, path: string, hint: string): string {
  if (!existsSync(path)) throw new IsolateError(`the database seed ${path} does not exist`, { hint })
  const real = realpathSync(path)
  if (isWithin(source, real)) return real
  throw new IsolateError(`the database seed ${path} is a link to ${real}, outside the repository`, { hint })
}

const seedTypes = new Set(['.sql', '.dump', '.backup'])
