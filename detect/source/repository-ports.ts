/** The ports of a whole repository: each server under one name in all its files, and the template's lines for those names. Pure. */
import { parseEnvStatements } from '../../lib/env-text/syntax.ts'
import type { Manifest } from '../packages.ts'
import { browserPrefix } from './browser-code.ts'
import { findFixedPorts, noSettings } from './find-ports.ts'
import { isTestConfig } from './kinds/script.ts'
import { loopbackPort, type Hit, type NameOf } from './port-hit.ts'
import { chooseNames, type MetPort, type NameSettings } from './port-names.ts'
import type { SourceFile } from './source-files.ts'

export type RepositoryPorts = {
  hits: readonly { path: string; hit: Hit }[]
  /** One name for each server, whatever file says its port. */
  nameOf: NameOf
}

/** `set`: the variables that have a value of each worktree's own. Those of env files are looked at by themselves. */
export function findPorts(
  sources: readonly SourceFile[],
  manifests: readonly Manifest[],
  settings: NameSettings,
  set: ReadonlySet<string>,
): RepositoryPorts {
  const assigned = sources.filter(({ kind }) => kind === 'env').flatMap(assignmentsOf)
  const found = sources
    .map((source) => ({ source, hits: findFixedPorts(source) }))
    .filter(({ hits }) => hits.length > 0)
  const met = found.flatMap(({ source: { path }, hits }) =>
    hits.map(({ port, severity }) => ({ port, path, listens: severity === 'error' })),
  )
  const nameOf = chooseNames([...met, ...assigned.flatMap(portOf)], settings)
  const known = new Set([...set, ...assigned.map(({ key }) => key)])
  const hits = found.flatMap(({ source }) => {
    const browser = browserPrefix({ path: source.path, text: source.code.join('\n') }, manifests)
    return findFixedPorts(source, { nameOf, set: known, browser }).map((hit) => ({ path: source.path, hit }))
  })
  return { hits, nameOf }
}

type Assigned = { path: string; key: string; body: string }

function assignmentsOf({ path, lines }: SourceFile): Assigned[] {
  return parseEnvStatements(lines.join('\n')).flatMap(({ assignment }) =>
    assignment === undefined ? [] : [{ path, key: assignment.key, body: assignment.body }],
  )
}

function portOf({ path, key, body }: Assigned): MetPort[] {
  const listens = /(?:^|_)PORT$/.test(key) && /^\d{2,5}$/.test(body)
  const port = listens ? Number(body) : loopbackPort(body)
  return port === undefined ? [] : [{ port, path, listens }]
}

/**
 * The lines that a template needs so that what is advised for the code, or is there already, leads to the worktree's own
 * ports: `API_PORT=$AGENT_PORT_API`, one for each variable that is not set yet.
 */
export function portTemplateLines({ hits }: RepositoryPorts, set: ReadonlySet<string>): string[] {
  const wanted = hits.flatMap(({ hit: { variable, setting } }) =>
    setting === undefined || set.has(variable) ? [] : [[variable, setting] as const],
  )
  return [...new Map(wanted).values()]
}

const targetVariables = /^(?:PLAYWRIGHT_(?:TEST_)?BASE_URL|(?:E2E_|TEST_|APP_)?BASE_?URL|E2E_URL|TEST_URL)$/i

/**
 * The lines through which Playwright and Cypress test the worktree's own server: for the variables that their configs read, and
 * for CYPRESS_BASE_URL, which Cypress takes by itself. `nameOf` as in `findPorts`.
 */
export function testTargetLines(sources: readonly Pick<SourceFile, 'path' | 'code'>[], nameOf: NameOf): string[] {
  const lines = sources
    .filter(({ path }) => isTestConfig(path))
    .flatMap(({ path, code }) => {
      const text = code.join('\n')
      const port = Number(/(?:localhost|127\.0\.0\.1):\D{0,40}?(\d{2,5})/.exec(text)?.[1] ?? 0)
      const value = nameOf(port).value ?? '$AGENT_DYNAMIC_PORT'
      const read = [...text.matchAll(/process\.env(?:\.|\[["'])(\w+)/g)].map(([, name = '']) => name)
      const keys = [
        ...read.filter((name) => targetVariables.test(name)),
        ...(isCypress(path) ? ['CYPRESS_BASE_URL'] : []),
      ]
      return keys.map((key) => `${key}=http://localhost:${port === 0 ? '$AGENT_DYNAMIC_PORT' : value}`)
    })
  return [...new Set(lines)]
}

function isCypress(path: string): boolean {
  return /(?:^|\/)cypress[^/]*$/.test(path)
}

/** The ports at which tests would look for a server in an environment: fixed, or fallen back to. */
export function testTargetPorts(
  sources: readonly Pick<SourceFile, 'path' | 'code'>[],
  environment: Readonly<Record<string, string>>,
): { path: string; port: number }[] {
  const settings = { ...noSettings, set: new Set(Object.keys(environment)) }
  return sources
    .filter(({ path }) => isTestConfig(path))
    .flatMap((source) => findFixedPorts(source, settings).map(({ port }) => ({ path: source.path, port })))
}
