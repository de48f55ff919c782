/** What env files say about ports of this machine: port numbers, and addresses and URLs with one in them. */
import { posix } from 'node:path'
import { parseEnvStatements } from '../lib/env-text/syntax.ts'
import { isEnvFile } from './database.ts'
import { folderOf, type ReadFile, type RepositoryFiles } from './repository-files.ts'

/** One assignment. `ports` has no number twice. */
export type EnvValue = {
  file: string
  /** The folder of the file, '' for the top. */
  folder: string
  line: number
  key: string
  /** As written, without quotes: it may hold a password. */
  value: string
  ports: readonly number[]
  /** What stands before the `://` of an address; undefined for a port alone. */
  scheme: string | undefined
  isTracked: boolean
  /** The file shows what another one may say: `.env.example`. */
  isSample: boolean
}

/** `.env.example`, `.env.local.sample`, `.env.dist`. What `init` wrote is none. */
export function isSampleEnvFile(path: string): boolean {
  return /^\.env(?:\.[\w-]+)*\.(?:example|sample|dist|defaults)$/.test(posix.basename(path))
}

/** Those of development, the ones that tools read last first. */
export function detectEnvValues({ tracked, untracked }: RepositoryFiles, read: ReadFile): EnvValue[] {
  const known = new Set(tracked)
  const files = [...tracked, ...untracked].filter((path) => isEnvFile(path) || isSampleEnvFile(path))
  return files
    .filter((path) => !/[.-](?:prod|production|deploy|staging|preview|ci)(?:\.|$)/.test(path))
    .toSorted((a, b) => rankOf(a) - rankOf(b))
    .flatMap((file) => parseEnvValues(read(file) ?? '', file, known.has(file)))
}

function rankOf(path: string): number {
  if (isSampleEnvFile(path)) return 4
  if (/\.test\b/.test(posix.basename(path))) return 3
  return path.endsWith('.local') ? 0 : path.endsWith('.env') ? 2 : 1
}

function parseEnvValues(text: string, file: string, isTracked: boolean): EnvValue[] {
  const folder = folderOf(file)
  return parseEnvStatements(text).flatMap(({ assignment, line }) => {
    if (assignment === undefined) return []
    const { key, body: value } = assignment
    const ports = portsIn(key, value)
    const scheme = /([a-z][a-z0-9+.-]*):\/\//i.exec(value)?.[1]?.toLowerCase()
    const what = { file, folder, line, key, value, ports, isTracked, isSample: isSampleEnvFile(file) }
    return ports.length === 0 ? [] : [{ ...what, scheme }]
  })
}

const address = /(?<=(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]):)\d{2,5}\b/gi

function portsIn(key: string, value: string): number[] {
  const isNumber = /(?:^|_)PORT$/i.test(key) && /^\d{2,5}$/.test(value)
  return [...new Set(isNumber ? [Number(value)] : (value.match(address) ?? []).map(Number))]
}

/** The value with each port of this machine replaced by what `textOf` says for it. */
export function replaceEnvPorts({ value, scheme }: EnvValue, textOf: (port: number) => string): string {
  if (scheme === undefined && /^\d+$/.test(value)) return textOf(Number(value))
  return value.replace(address, (port) => textOf(Number(port)))
}
