/** What in the main checkout's env files becomes a worktree's own: a port, a path, a database. Values in, values out. */
import { dirname, relative } from 'node:path'
import { loopbackPattern } from '../env-text/loopback.ts'
import type { OwnPostgres } from './own-postgres.ts'

export type OwnValues = {
  /** Absolute, as the worktree's. */
  main: string
  worktree: string
  /** Ports as main's files say them, in digits, and the worktree's. */
  ports: ReadonlyMap<string, number>
  /** Paths in the main checkout whose twin has another name: a SQLite seed, and the worktree's database. */
  paths: ReadonlyMap<string, string>
  postgres: OwnPostgres | undefined
}

/** `PORT`, `API_PORT`, `PORT_API`, `serverPort`. */
export function isPortKey(key: string): boolean {
  return /(?:^|_)PORT(?:_|$)/i.test(key) || key.endsWith('Port')
}

/** The value with the worktree's ports: behind a loopback host, a colon alone, and as all there is where `isPort`. */
export function replacePorts(value: string, ports: OwnValues['ports'], isPort: boolean): string {
  const own = (port: string): string => String(ports.get(port) ?? port)
  if (isPort && /^\d+$/.test(value)) return own(value)
  if (/^:\d+$/.test(value)) return `:${own(value.slice(1))}`
  const pattern = new RegExp(String.raw`(?<![\w.-])((?:${loopbackPattern}):)(\d{1,5})(?!\d)`, 'gi')
  return value.replace(pattern, (_, host: string, port: string) => host + own(port))
}

/** The value with the worktree's paths for those in the main checkout; of `.git` and of other worktrees there is no twin. */
export function replacePaths(value: string, { main, worktree, paths }: OwnValues): string {
  const others = relative(main, dirname(worktree))
  const kept = ['.git', others].filter((inner) => inner !== '' && !inner.startsWith('..')).map(escape)
  let replaced = value
  for (const [from, to] of [...paths, [main, worktree]] as const) {
    const pattern = `(?<![\\w.-])${escape(from)}(?=$|[/\\s"'\`:;,?#)\\]}&])(?!/(?:${kept.join('|')})(?:$|/))`
    replaced = replaced.replace(new RegExp(pattern, 'g'), () => to)
  }
  return replaced
}

function escape(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}
