/**
 * Lets `docker compose up` run in several worktrees at once: a compose file of the worktree's own, in its git folder, takes
 * the fixed ports and names out of the repository's. That file is only ever read together with COMPOSE_PROJECT_NAME.
 */
import { existsSync, realpathSync, rmSync } from 'node:fs'
import { devNull } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { isWithin } from '../files/inner-path.ts'
import { findOddity } from '../files/read-if-any.ts'
import { writeWhole } from '../files/write-whole.ts'
import type { Outcome } from '../processes/run.ts'
import { composePortNames, type ComposePorts } from '../project/compose-ports.ts'
import { IsolateError } from '../report/isolate-error.ts'
import { environmentPath, ownFolder } from './environment.ts'
import { findComposeFiles, findNamedComposeFiles } from './files.ts'
import { parseJsonConfig } from './json-config.ts'
import { planCompose, renderOverride, type ComposePlan, type LeasedPort } from './plan.ts'
import { requireComposeProgram, runCompose, type ComposeProgram } from './program.ts'

export type ComposeRequest = {
  worktree: string
  /** Root of the main checkout, when there is one: a COMPOSE_FILE that points there is taken to mean the file here. */
  source: string | undefined
  /** The value of COMPOSE_PROJECT_NAME. */
  project: string
  ports: ComposePorts
  /** The lease's ports by name; those of `composePortNames(ports)` have to be among them. */
  leased: Readonly<Record<string, number>>
  /** What a process of the worktree gets beside our environment: compose files have variables in them. */
  exported: Readonly<Record<string, string>>
}

export type ComposeOverride = {
  /** COMPOSE_PROJECT_NAME, COMPOSE_FILE and COMPOSE_PATH_SEPARATOR, for every shell of the worktree. */
  environment: Record<string, string>
  /** One line each. */
  warnings: readonly string[]
}

/**
 * Writes the file, 0600, and remembers the environment for `findComposeEnvironment`. A named service publishes the leased
 * ports on 127.0.0.1 and no others. Undefined, and what was written before is gone, when there is no compose file.
 * Throws `IsolateError` when no compose that can do it is installed, for compose files that compose refuses, and for
 * services that are not there.
 */
export async function writeComposeOverride(request: ComposeRequest): Promise<ComposeOverride | undefined> {
  const { worktree, source, project } = request
  const files = findNamedComposeFiles(worktree, source, process.env) ?? findComposeFiles(worktree)
  if (files.length === 0) {
    rmSync(ownFolder(worktree), { recursive: true, force: true })
    return undefined
  }
  const program = await requireComposeProgram()
  const dotEnv = join(dirname(files[0] ?? worktree), '.env')
  requireInWorktree(worktree, [...files, dotEnv])
  const text = await readConfig(program, files, request)
  const plan = planOverride(text, request)
  const path = join(ownFolder(worktree), 'override.yaml')
  writeWhole(path, renderOverride(plan))
  const environment = { COMPOSE_PROJECT_NAME: project, ...joinPaths([...files, path]) }
  writeWhole(environmentPath(worktree), `${JSON.stringify(environment, undefined, 2)}\n`)
  return { environment, warnings: [...plan.warnings, ...describeUnread(dotEnv)] }
}

function planOverride(text: string, request: ComposeRequest): ComposePlan {
  const model = parseJsonConfig(text)
  if (model === undefined) throw new IsolateError('docker compose config --format json printed something else')
  return planCompose(model, request.project, leasedPorts(request), Object.values(request.leased))
}

function leasedPorts({ ports, leased }: ComposeRequest): LeasedPort[] {
  return composePortNames(ports).map((port) => {
    const hostPort = leased[port.name]
    if (hostPort === undefined) throw new Error(`the lease has no port "${port.name}"`)
    return { ...port, hostPort }
  })
}

/**
 * The project as compose understands it, with the services of every profile. Where it cannot fill in a variable or an env
 * file, which may come later, it goes without; not at once, since that makes 2.26 stumble over variables in the place of
 * booleans.
 */
async function readConfig(
  program: ComposeProgram,
  files: readonly string[],
  { worktree, project, exported }: ComposeRequest,
): Promise<string> {
  const dotEnv = join(dirname(files[0] ?? worktree), '.env')
  // Compose would wait at a FIFO.
  const envFile = findOddity(dotEnv) === undefined ? [] : ['--env-file', devNull]
  const selection = [...envFile, ...files.flatMap((file) => ['--file', file]), '--project-name', project]
  const options = { cwd: worktree, env: { ...exported, ...withoutRemotes, COMPOSE_PROJECT_NAME: project } }
  const runConfig = (...args: string[]): Promise<Outcome> => runCompose(program, [...selection, ...args], options)
  const allProfiles = ['--profile', '*', 'config', '--format', 'json']
  const first = await runConfig(...allProfiles)
  if (first.code === 0) return first.stdout
  const second = first.timedOut ? first : await runConfig(...allProfiles, '--no-interpolate')
  if (second.code === 0) return second.stdout
  const reason = first.timedOut ? 'it did not come to an end' : first.stderr.trim().split('\n').slice(-5).join('\n')
  throw new IsolateError(`compose cannot read ${files.join(', ')}: ${reason}`, {
    hint: `See what is wrong with it: ${[program.command, ...program.args].join(' ')} config`,
  })
}

/** What a file includes from a git or OCI address is fetched when compose is run by the user, not by us. */
const withoutRemotes = { COMPOSE_EXPERIMENTAL_GIT_REMOTE: 'false', COMPOSE_EXPERIMENTAL_OCI_REMOTE: 'false' }

/** Whoever works in the worktree writes these files, and may not read all that we may. */
function requireInWorktree(worktree: string, files: readonly string[]): void {
  const root = realpathSync(worktree)
  const outside = files.find((file) => existsSync(file) && !isWithin(root, realpathSync(file)))
  if (outside === undefined) return
  throw new IsolateError(`${outside} is not read for "compose.ports": it lies outside of ${worktree}`, {
    hint: 'Put it into the repository, or take "compose.ports" out of agent-isolate.json.',
  })
}

function describeUnread(path: string): string[] {
  const oddity = findOddity(path)
  return oddity === undefined ? [] : [`${path} is ${oddity}, not a file: what compose takes from it was left out`]
}

/** The separator is always said: the user's .env may say another one. */
function joinPaths(paths: readonly string[]): { COMPOSE_FILE: string; COMPOSE_PATH_SEPARATOR: string } {
  const separator = [delimiter, ';', '|', ',', '#'].find((one) => !paths.some((path) => path.includes(one)))
  if (separator !== undefined) return { COMPOSE_FILE: paths.join(separator), COMPOSE_PATH_SEPARATOR: separator }
  throw new IsolateError(`COMPOSE_FILE cannot hold these paths, in which every separator occurs: ${paths.join(' ')}`, {
    hint: 'Move the repository to a folder with a plainer name.',
  })
}
