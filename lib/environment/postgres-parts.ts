/** `POSTGRES_SERVER`, `DB_NAME`, `PGPORT`, …: a PostgreSQL database named in an env file by its parts. Pure. */
import type { PostgresTarget } from '../database/postgres/client/database-url.ts'
import { judgePlace, type OwnPostgres } from './own-postgres.ts'

const roles = ['host', 'port', 'database', 'user', 'password'] as const
type Role = (typeof roles)[number]

const suffixes: Readonly<Record<Role, string>> = {
  host: 'HOST|SERVER|HOSTNAME|ADDRESS',
  port: 'PORT',
  database: 'DB|NAME|DATABASE|DBNAME',
  user: 'USER|USERNAME',
  password: 'PASSWORD|PASS|PASSWD',
}

/** `values`: what keys get. `added`: lines to stand behind a key's. `kept`: keys of databases that stay shared. */
export type PartsPlan = {
  values: ReadonlyMap<string, string>
  added: ReadonlyMap<string, string>
  kept: readonly string[]
}

/** `values`: the file's, with references filled in. */
export function planParts(values: ReadonlyMap<string, string>, postgres: OwnPostgres, isTest: boolean): PartsPlan {
  const planned = new Map<string, string>()
  const added = new Map<string, string>()
  const kept: string[] = []
  for (const [prefix, keys] of groupParts([...values.keys()])) {
    const nameKey = keys.database
    if (nameKey === undefined) continue
    const text = (role: Role): string => values.get(keys[role] ?? '') ?? ''
    const port = Number(text('port') || 5432)
    const place = { host: text('host') || 'localhost', port, database: text('database') }
    if (!isPostgres(prefix, values, text('port'), postgres, place)) continue
    const verdict = judgePlace(place, postgres, isTest || /(?:^|_)TEST(?:_|$)/i.test(prefix))
    if (verdict === 'kept') kept.push(nameKey)
    if (verdict === 'kept' || verdict === undefined) continue
    const changed: readonly Role[] = postgres.isOnMainServer ? ['database'] : roles
    for (const role of changed) {
      const key = keys[role]
      const value = String(verdict[role] ?? '')
      if (key !== undefined && value !== values.get(key)) planned.set(key, value)
    }
    if (changed.includes('port') && keys.port === undefined && verdict.port !== port) {
      added.set(nameKey, `${prefix}${nameKey.startsWith(`${prefix}_`) ? '_' : ''}PORT=${verdict.port}`)
    }
  }
  return { values: planned, added, kept }
}

type Keys = Partial<Record<Role, string>>

function groupParts(keys: readonly string[]): Map<string, Keys> {
  const groups = new Map<string, Keys>()
  for (const key of keys) {
    for (const role of roles) {
      const prefix = new RegExp(`^(?:(\\w+)_|(PG))(?:${suffixes[role]})$`, 'i').exec(key)
      const name = prefix?.[1] ?? prefix?.[2]
      if (name !== undefined) groups.set(name, { ...groups.get(name), [role]: key })
    }
  }
  return groups
}

/** By its prefix, its port, or what says of which sort it is; else it has to be main's to the letter. */
function isPostgres(
  prefix: string,
  values: ReadonlyMap<string, string>,
  port: string,
  { mains }: OwnPostgres,
  place: Pick<PostgresTarget, 'host' | 'port' | 'database'>,
): boolean {
  const sorts = ['CONNECTION', 'TYPE', 'ENGINE', 'DIALECT', 'CLIENT', 'DRIVER', 'ADAPTER']
  const sort = sorts.map((suffix) => values.get(`${prefix}_${suffix}`)).find(Boolean)
  if (sort !== undefined) return /postgres|^pg/i.test(sort)
  if (/(?:^|_)(?:PG|POSTGRES(?:QL)?)(?:_|$)/i.test(prefix) || port === '5432') return true
  return mains.some((main) => main.database === place.database && main.port === place.port)
}
