/** The SQLite files of a project, as the config asks for them. */
import { isInnerPath } from '../files/inner-path.ts'
import type { Section } from './config-section.ts'

/** `path` in the worktree, `seed` in the main checkout; both relative. Without a seed, `path` in the main checkout is it. */
export type SqliteFile = { path: string; seed: string | undefined }

/** The first file is the one that URLs and templates name; `further` are those of a queue, a cache. `hasTest`: see `DatabaseConfig`. */
export type SqliteConfig = SqliteFile & { provider: 'sqlite'; further: readonly SqliteFile[]; hasTest: boolean }

/** Reads `path`, one or a list of them, with `seed`, one for one path or a list as long. Throws `IsolateError`. */
export function readSqlite(section: Section): SqliteConfig {
  const paths = readPaths(section, 'path')
  const seeds = readPaths(section, 'seed')
  const isParallel = seeds === undefined || (seeds.isList === (paths?.isList ?? false) && sameLength(seeds, paths))
  if (!isParallel) return section.fail('seed', 'left out, or a list that is as long as that of "path"')
  const files = (paths?.list ?? ['.agent-isolate/dev.db']).map((path, index) => ({ path, seed: seeds?.list[index] }))
  const [first = { path: '', seed: undefined }, ...further] = files
  return { provider: 'sqlite', ...first, further, hasTest: section.flag('test') ?? false }
}

/** All of them, the first one first. */
export function sqliteFiles({ path, seed, further }: SqliteConfig): SqliteFile[] {
  return [{ path, seed }, ...further]
}

type Paths = { list: readonly string[]; isList: boolean }

function sameLength({ list }: Paths, other: Paths | undefined): boolean {
  return list.length === (other?.list.length ?? 1)
}

function readPaths(section: Section, key: string): Paths | undefined {
  const value = section.value(key)
  if (value === undefined) return undefined
  const isList = Array.isArray(value)
  const list: unknown[] = isList ? value : [value]
  if (list.length > 0 && new Set(list).size === list.length && list.every(isPath)) return { list, isList }
  return section.fail(
    key,
    isList ? 'a list of paths, each inside the repository' : 'a relative path inside the repository',
  )
}

function isPath(value: unknown): value is string {
  return typeof value === 'string' && isInnerPath(value)
}
