/** Lines of the template, and files of single apps, through which what env files say leads to a worktree's own ports. Pure. */
import { posix } from 'node:path'
import { parseDatabaseTarget, withoutCredentials } from '../detect/database.ts'
import type { Detection } from '../detect/detect.ts'
import { isSampleEnvFile, replaceEnvPorts, type EnvValue } from '../detect/env-values.ts'
import { isTestKey } from '../detect/postgres.ts'
import { variablesOf } from '../detect/port-names.ts'
import type { AppFile } from '../lib/project/environment-config.ts'
import { hideSecrets } from '../lib/report/hide-secrets.ts'
import type { DatabaseAnswer } from './answers.ts'

export type EnvFacts = {
  detection: Detection
  database: DatabaseAnswer
  /** Names of leased ports by the port that stands in the files. */
  ofPort: ReadonlyMap<number, string>
}

/** For the variables by which a compose file lets others choose its ports. */
export function composeLines({ detection, ofPort }: EnvFacts): string[] {
  const variables = variablesOf(detection.compose.flatMap(({ services }) => services))
  return variables.flatMap(({ name, before, port }) =>
    ofPort.has(port) ? [`${name}=${before}${textOf(ofPort, port)}`] : [],
  )
}

/** Of the env files at the top, and of an app's tracked ones that nothing can take the place of. */
export function topLines(facts: EnvFacts): string[] {
  const { envValues } = facts.detection
  return envValues
    .filter((each) => each.folder === '' || (isFixed(each, facts) && each.key !== 'PORT'))
    .flatMap((each) => {
      const value = valueFor(each, facts)
      return value === undefined ? [] : [`${each.key}=${quote(value)}`]
    })
}

/** In a file that git carries, and that no other one takes the place of. */
function isFixed(each: EnvValue, facts: EnvFacts): boolean {
  return each.isTracked && !each.isSample && targetOf(each, facts) === undefined
}

/** By the env file that the app reads last. */
export function appFiles(facts: EnvFacts): Record<string, AppFile> {
  const files: Record<string, Record<string, string>> = {}
  for (const each of facts.detection.envValues) {
    const target = targetOf(each, facts)
    const value = valueFor(each, facts)
    if (target === undefined || value === undefined) continue
    const file = (files[target] ??= {})
    file[each.key] ??= value
  }
  return files
}

/**
 * Where a worktree can have the key: the file itself where git ignores it, the one that a sample is of, `.env.local` beside
 * a tracked one where the app's framework reads that.
 */
function targetOf({ file, folder, isTracked, isSample }: EnvValue, { detection }: EnvFacts): string | undefined {
  if (folder === '') return undefined
  const { tracked } = detection.files
  const isThere = detection.envValues.some((each) => each.folder === folder && !each.isTracked)
  if (isSample && isThere) return undefined
  const real = isSample ? file.replace(/\.(?:example|sample|dist|defaults)$/, '') : file
  if (!(isTracked && !isSampleEnvFile(file)) && !tracked.includes(real)) return real
  const local = posix.join(folder, '.env.local')
  const readsLocal = detection.frameworks.some((each) => each.folder === folder && each.loadsEnvLocal !== 'no')
  return readsLocal && !tracked.includes(local) ? local : undefined
}

/** Undefined where nothing of it is a worktree's own, or it would put a password into a file that is committed. */
function valueFor(each: EnvValue, facts: EnvFacts): string | undefined {
  const { ofPort, database, detection } = facts
  const target = parseDatabaseTarget(each.value)
  if (target?.provider === 'postgresql' && database.provider.startsWith('postgres')) {
    return ownDatabase(each, facts)
  }
  if (!each.ports.some((port) => ofPort.has(port)) || !isPublic(each, detection)) return undefined
  return replaceEnvPorts(each, (port) => textOf(ofPort, port))
}

/** The top's template has lines of its own for databases. */
function ownDatabase({ key, folder }: EnvValue, { database }: EnvFacts): string | undefined {
  if (folder === '') return undefined
  if (!isTestKey(key)) return '$AGENT_DATABASE_URL'
  return 'hasTest' in database && database.hasTest ? '$AGENT_TEST_DATABASE_URL' : undefined
}

function textOf(ofPort: ReadonlyMap<number, string>, port: number): string {
  const name = ofPort.get(port)
  return name === undefined ? String(port) : portReference(name)
}

/** What the template says for a leased port. */
export function portReference(name = 'app'): string {
  return name === 'app' ? '$AGENT_DYNAMIC_PORT' : `$AGENT_PORT_${name.toUpperCase()}`
}

/** What git carries anyway, or what holds no secret. */
function isPublic({ key, value, isTracked }: EnvValue, { envValues, compose }: Detection): boolean {
  if (/[\\`$]/.test(value) || (value.includes('"') && value.includes("'"))) return false
  if (isTracked || hideSecrets(`${key}=${value}`) === `${key}=${value}`) return true
  if (envValues.some((other) => other.isTracked && other.key === key && other.value === value)) return true
  return isNamedByCompose(value, compose)
}

/** A password that stands in a compose file is no secret. */
function isNamedByCompose(value: string, compose: Detection['compose']): boolean {
  const [, rest = ''] = /^[a-z][a-z0-9+.-]*:\/\/(.*)$/i.exec(value) ?? []
  const credentials = rest.slice(0, rest.length - withoutCredentials(rest).length).replace(/@$/, '')
  const password = credentials.slice(credentials.indexOf(':') + 1)
  const isPlain = hideSecrets(withoutCredentials(rest)) === withoutCredentials(rest)
  return isPlain && compose.some(({ services }) => services.some(({ passwords }) => passwords?.includes(password)))
}

/** As the template's language wants it. */
function quote(value: string): string {
  if (/^[\w./:@,+=?&%${}-]*$/.test(value)) return value
  return value.includes('"') ? `'${value}'` : `"${value}"`
}
