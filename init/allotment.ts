/** What each worktree is to have of its own, as agent-isolate.json and the template say it: ports by name, and the lines that lead to them. Pure. */
import type { Detection } from '../detect/detect.ts'
import { findPortNames } from '../lib/env-text/template.ts'
import { blockSize } from '../lib/ledger/ports.ts'
import type { AppFile } from '../lib/project/environment-config.ts'
import { composePortNames, type ComposePorts } from '../lib/project/compose-ports.ts'
import type { NameSettings } from '../detect/source/port-names.ts'
import { findPorts, portTemplateLines, testTargetLines } from '../detect/source/repository-ports.ts'
import type { SourceFile } from '../detect/source/source-files.ts'
import { findPostgresService } from '../detect/postgres.ts'
import type { Answers, DatabaseAnswer } from './answers.ts'
import type { NamedService } from './find-services.ts'
import type { ServiceKind } from '../lib/project/services-config.ts'
import { appFiles, composeLines, topLines, type EnvFacts } from './env-lines.ts'

export type Allotment = {
  /** "environment.file". */
  envFile: string
  /** "compose.ports". */
  compose: ComposePorts
  /** "ports.remap". */
  remap: Readonly<Record<string, string>>
  /** "environment.files". */
  files: Readonly<Record<string, AppFile>>
  /** "services": servers of which each worktree has its own part. */
  services: Readonly<Record<string, { kind: ServiceKind; url: string; seed?: true }>>
  /** Of the template. */
  lines: readonly string[]
}

/** Of names of ports only those that `answers` has are used, beside `app` and those of compose services. */
export function allot(
  detection: Detection,
  answers: Pick<Answers, 'database' | 'portNames'>,
  sources: readonly SourceFile[],
  services: readonly NamedService[] = [],
): Allotment {
  const { database, portNames } = answers
  const compose = withoutContainer(detection.portNames.compose, database)
  const names = new Set(['app', ...portNames, ...composePortNames(compose).map(({ name }) => name)])
  const replaced = replacedPort(detection, database)
  const kept = [...detection.portNames.ofPort].filter(([port, name]) => names.has(name) && port !== replaced)
  const facts: EnvFacts = { detection, database, ofPort: new Map(kept) }
  const remap = isWorthNaming(kept, detection)
    ? Object.fromEntries(kept.map(([port, name]) => [String(port), name]))
    : {}
  const ofServices = services.map(({ name, key }) => `${key}="$AGENT_${name.toUpperCase()}_URL"`)
  const lines = [...ofServices, ...composeLines(facts), ...topLines(facts)]
  const settings = { remap, names: portNames, template: lines.join('\n') }
  const ofCode = codeLines(detection, sources, settings, blockSize - names.size)
  return {
    envFile: chooseEnvFile(detection),
    compose,
    remap,
    files: appFiles(facts),
    services: Object.fromEntries(services.map((each) => [each.name, serviceSetting(each)])),
    lines: [...lines, ...ofCode],
  }
}

/** MySQL's is a copy, as PostgreSQL's are. */
function serviceSetting({ kind, key }: NamedService): Allotment['services'][string] {
  return { kind, url: `$${key}`, ...(kind === 'mysql' ? { seed: true } : {}) }
}

/** What doctor would say is missing for the code; a port of yet another name might find no room in a worktree's block. */
function codeLines(
  { manifests }: Detection,
  sources: readonly SourceFile[],
  settings: NameSettings,
  room: number,
): string[] {
  const ports = findPorts(sources, manifests, settings, new Set())
  const lines = [...portTemplateLines(ports, new Set()), ...testTargetLines(sources, ports.nameOf)]
  const names = new Set([...settings.names, ...Object.values(settings.remap)])
  const further = [...new Set(lines.flatMap((line) => findPortNames(line)))].filter((name) => !names.has(name))
  const fitting = new Set([...names, ...further.slice(0, room)])
  return lines.filter((line) => findPortNames(line).every((name) => fitting.has(name)))
}

/** The only server's own port, which no env file says, needs no name. */
function isWorthNaming(kept: readonly (readonly [port: number, name: string])[], { envValues }: Detection): boolean {
  return kept.some(([port, name]) => name !== 'app' || envValues.some(({ ports }) => ports.includes(port)))
}

/** The file that is read last: `.env.local` where something reads it, else the `.env` that is there and not in git. */
function chooseEnvFile({ files, frameworks }: Detection): string {
  const isRead = frameworks.some(({ folder, loadsEnvLocal }) => folder === '' && loadsEnvLocal !== 'no')
  const hasOwn = files.untracked.includes('.env') && ![...files.tracked, ...files.untracked].includes('.env.local')
  return hasOwn && !isRead ? '.env' : '.env.local'
}

/** A container for each worktree has the port "db": two of a name there cannot be. */
function withoutContainer(ports: ComposePorts, database: DatabaseAnswer): ComposePorts {
  const isOwn = database.provider === 'postgres-docker' && database.isolation === 'container'
  const entries = Object.entries(ports).filter(
    ([service, wanted]) => !isOwn || !composePortNames({ [service]: wanted }).some(({ name }) => name === 'db'),
  )
  return Object.fromEntries(entries)
}

/** That of the service which worktrees' own databases take the place of. */
function replacedPort({ compose }: Detection, { provider }: DatabaseAnswer): number | undefined {
  if (!provider.startsWith('postgres')) return undefined
  const name = findPostgresService(compose)?.name
  const service = compose.flatMap(({ services }) => services).find((each) => each.name === name)
  const [port] = service?.ports ?? []
  return port?.published ?? port?.variable?.port
}
