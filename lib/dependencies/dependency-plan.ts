/** Decides, from evidence alone, how a worktree gets the dependencies of a project. Pure: reads and writes nothing. */
import { notTrusted } from '../report/not-trusted.ts'

export type DependencyKind = 'node_modules' | '.venv'
/** `clone` shares what is safe to share, `copy` nothing. */
export type DependencyStrategy = 'auto' | 'symlink' | 'clone' | 'install' | 'copy' | 'none'
export type PackageManager =
  'npm' | 'pnpm' | 'yarn' | 'yarn-classic' | 'bun' | 'uv' | 'poetry' | 'pdm' | 'pipenv' | 'pip'

/** What is known of one project (a folder with dependencies of its own) in the main checkout and in the worktree. */
export type ProjectEvidence = {
  kind: DependencyKind
  /** Folder of the project, relative to the root, `/`-separated; '' for the root itself. */
  project: string
  /** Dependency folders that the main checkout has and the worktree lacks: the project's own first, then its workspaces' own. */
  available: string[]
  /** False when the main checkout has no such folder for the project itself. */
  isInMain: boolean
  isInWorktree: boolean
  manager: PackageManager
  /** Name of the lockfile that was compared; undefined when the worktree has none. */
  lockfile: string | undefined
  isLockfileEqual: boolean
  hasWorkspaces: boolean
  usesTurbopack: boolean
  /** Packages in the main checkout's folder, scopes counted as one; a measure of its size. */
  packages: number
}

export type DependencyDecision = {
  kind: DependencyKind | 'folder'
  /** The project's own, relative to the worktree. */
  folder: string
  /** Folder of the project, relative to the worktree, `/`-separated; '' for the root. Where `command` belongs. */
  project: string
  /** Folders that the action makes, relative to the worktree: `node_modules`, `packages/a/node_modules`. Empty with `none`. */
  folders: string[]
  /** `links` (a real folder with one link per package) is replaced by a clone in the background. A failed `install` falls back to `clone`. */
  action: 'links' | 'symlink' | 'clone' | 'install' | 'copy' | 'none'
  /** Installs what the lockfile says, when run in `project`. */
  command: readonly string[]
  /** For a person: why this was decided, and what is to be done. */
  reason: string
  isWarning: boolean
  /** Of the kind `folder`: tells of a folder in it whether its files may be shared. */
  shares?: (inner: string) => boolean
}

type Choice = Pick<DependencyDecision, 'action' | 'reason' | 'isWarning'>
type Situation = { evidence: ProjectEvidence; isTrusted: boolean; command: string }

/** Commands that make a dependency folder exactly what the lockfile says, and fail rather than change the lockfile. */
const installCommands: Record<PackageManager, readonly string[]> = {
  npm: ['npm', 'ci', '--prefer-offline', '--no-audit', '--no-fund'],
  pnpm: ['pnpm', 'install', '--frozen-lockfile', '--prefer-offline'],
  yarn: ['yarn', 'install', '--immutable'],
  'yarn-classic': ['yarn', 'install', '--frozen-lockfile', '--prefer-offline'],
  bun: ['bun', 'install', '--frozen-lockfile'],
  uv: ['uv', 'sync', '--frozen'],
  poetry: ['poetry', 'install', '--no-interaction'],
  pdm: ['pdm', 'sync'],
  pipenv: ['pipenv', 'sync'],
  pip: ['.venv/bin/python', '-m', 'pip', 'install', '-r', 'requirements.txt'],
}

/**
 * Below this a clone is a matter of a tenth to a third of a second (0.4 ms a package with a warm cache, 35 files each; see
 * CONTRACTS for 27,700 files), and links are not worth the time in which they share files with the main checkout.
 */
const fewPackages = 200

/** Managers whose install is made for many at once and cheap: a store shared by all projects. */
const storeManagers: readonly PackageManager[] = ['pnpm', 'uv']

/**
 * Managers that this tool runs. The other Python ones put the environment where their own settings say, which need not
 * be `.venv`; they are named to the user instead.
 */
const runnableManagers: readonly PackageManager[] = ['npm', 'pnpm', 'yarn', 'yarn-classic', 'bun', 'uv']

/**
 * Managers that replace links and never write through them. Measured: npm 11 `ci`, `install`, `uninstall`, `dedupe`; bun 1.4
 * and yarn 4 `install`, `add`, `remove`. yarn 1 fails on links, pnpm 12 writes through the link to its `.pnpm` folder.
 */
const managersThatReplaceLinks: readonly PackageManager[] = ['npm', 'bun', 'yarn']

/** The decision for one project; undefined where there is nothing to decide and nothing to say. */
export function planProject(
  evidence: ProjectEvidence,
  strategy: DependencyStrategy,
  isTrusted: boolean,
): DependencyDecision | undefined {
  if (strategy === 'none') return undefined
  const isPlainVenv = evidence.isInMain && /(?:^|\/)venv$/.test(evidence.available[0] ?? '')
  const command = installCommands[evidence.manager].map((word) =>
    isPlainVenv ? word.replace(/^\.venv\//, 'venv/') : word,
  )
  const situation = { evidence, isTrusted, command: inProject(command, evidence.project) }
  const choice = evidence.isInWorktree
    ? { action: 'none' as const, reason: 'it is there already', isWarning: false }
    : evidence.isInMain
      ? chooseWithMain(situation, strategy)
      : chooseWithoutMain(situation, strategy)
  if (choice === undefined) return undefined
  const { kind, project, available } = evidence
  const own = project === '' ? kind : `${project}/${kind}`
  const folders =
    choice.action === 'none' ? [] : choice.action === 'install' ? [...new Set([own, ...available])] : available
  return { kind, folder: own, project, folders, command, ...choice }
}

function chooseWithMain(situation: Situation, strategy: DependencyStrategy): Choice | undefined {
  if (strategy === 'symlink')
    return withLockfileWarning(situation, 'symlink', 'shared with the main checkout, as configured')
  if (strategy === 'clone' || strategy === 'copy') return withLockfileWarning(situation, strategy, 'as configured')
  if (strategy === 'install') return install(situation, 'as configured')
  const { manager, isLockfileEqual, lockfile } = situation.evidence
  if (!isLockfileEqual) return install(situation, `${lockfile ?? 'the lockfile'} differs from the main checkout's`)
  if (storeManagers.includes(manager)) return install(situation, `${manager} installs from a shared store`)
  return chooseCopy(situation.evidence)
}

/** Nothing to copy from: only an install can help, and it is started unasked only where it is cheap or configured. */
function chooseWithoutMain(situation: Situation, strategy: DependencyStrategy): Choice | undefined {
  const { evidence, command, isTrusted } = situation
  if (evidence.lockfile === undefined) return undefined
  const isWanted = strategy === 'install' || storeManagers.includes(evidence.manager)
  if (isWanted && canInstall(situation)) {
    return { action: 'install', reason: 'the main checkout has none', isWarning: false }
  }
  if (evidence.project !== '') return undefined
  const why = isWanted && !isTrusted ? leftOut : ''
  // Its command is a program of the environment that is not there.
  const first = evidence.manager === 'pip' ? 'python3 -m venv .venv && ' : ''
  return {
    action: 'none',
    reason: `the main checkout has none: run \`${first}${command}\` when it is needed${why}`,
    isWarning: false,
  }
}

function chooseCopy({ kind, manager, hasWorkspaces, usesTurbopack, lockfile, packages }: ProjectEvidence): Choice {
  const same = lockfile === undefined ? 'no lockfile says otherwise' : `${lockfile} is the same`
  const clone = (reason: string): Choice => ({ action: 'clone', reason: `${same}; ${reason}`, isWarning: false })
  if (kind === '.venv') return clone('an environment that is only linked would be changed by pip in the worktree')
  if (hasWorkspaces) return clone("links would lead to the main checkout's workspace packages")
  if (usesTurbopack) return clone('Turbopack refuses links')
  if (!managersThatReplaceLinks.includes(manager)) return clone(`${manager} cannot install over links`)
  if (packages < fewPackages) return clone('small enough to be copied at once')
  return { action: 'links', reason: `${same}; a copy takes their place in the background`, isWarning: false }
}

/** An install where it may be run, else a clone and, where its content is not what the lockfile says, a warning. */
function install(situation: Situation, why: string): Choice {
  const { evidence, isTrusted, command } = situation
  if (canInstall(situation)) return { action: 'install', reason: why, isWarning: false }
  const isWarning = !evidence.isLockfileEqual
  const todo = isWarning ? `: it may hold wrong versions until you run \`${command}\`` : ''
  const excuse = isTrusted ? ` (${evidence.manager} is left to you)` : leftOut
  return { action: 'clone', reason: `${why}${todo}${excuse}`, isWarning }
}

function withLockfileWarning(
  { evidence, command }: Situation,
  action: 'symlink' | 'clone' | 'copy',
  why: string,
): Choice {
  if (evidence.isLockfileEqual) return { action, reason: why, isWarning: false }
  const todo = `it may hold wrong versions until you run \`${command}\``
  const danger = action === 'symlink' ? ", which changes the main checkout's" : ''
  return { action, reason: `${why}; ${evidence.lockfile ?? 'the lockfile'} differs: ${todo}${danger}`, isWarning: true }
}

/** Ends a reason. */
const leftOut = `. ${notTrusted('No install was run, as it runs code', 'what it installs').text}`

function canInstall({ evidence, isTrusted }: Situation): boolean {
  return isTrusted && runnableManagers.includes(evidence.manager)
}

/** The command as a person would type it at the root of the worktree. */
export function inProject(command: readonly string[], project: string): string {
  return project === '' ? command.join(' ') : `(cd ${project} && ${command.join(' ')})`
}
