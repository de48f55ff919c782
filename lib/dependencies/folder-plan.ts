/**
 * Dependency and build folders beside node_modules and .venv: what is known of the common ones, and what is done about each.
 * Pure. A file is shared (one body for both checkouts) only where its tool replaces it and never writes into it.
 */
import { inProject, type DependencyDecision, type DependencyStrategy } from './dependency-plan.ts'
import { notTrusted } from '../report/not-trusted.ts'

/** By path, or by the name of a rule, which then holds in every project. */
export type FolderStrategies = Readonly<Record<string, DependencyStrategy>>

export type FolderRule = {
  /** Below the project. */
  name: string
  /** A folder with one of these files is such a project. */
  markers: readonly string[]
  /** Where it differs from the main checkout's, the folder may hold wrong versions. */
  lockfile?: string
  /** Makes the folder from the lockfile. */
  command?: readonly string[]
  /** Tells, of a folder in it ('' for itself), whether its files may be shared. Left out: none. */
  shares?: (inner: string) => boolean
  /** Why `auto` does not take it over. */
  leave?: string
}

const gradle = ['build.gradle', 'build.gradle.kts', 'settings.gradle', 'settings.gradle.kts']
const below = (inner: string): boolean => inner !== ''
const yarn = { markers: ['yarn.lock'], lockfile: 'yarn.lock', command: ['yarn', 'install', '--immutable'] }
const mix = { markers: ['mix.exs'], lockfile: 'mix.lock', command: ['mix', 'deps.get'] }

export const folderRules: readonly FolderRule[] = [
  {
    name: 'vendor',
    markers: ['composer.json'],
    lockfile: 'composer.lock',
    command: ['composer', 'install'],
    // Composer writes its autoloader in place.
    shares: (inner) => below(inner) && !/^(?:composer|bin)(?:\/|$)/.test(inner),
  },
  { name: 'vendor', markers: ['go.mod'], lockfile: 'go.sum', command: ['go', 'mod', 'vendor'], shares: below },
  {
    name: 'vendor/bundle',
    markers: ['Gemfile'],
    lockfile: 'Gemfile.lock',
    command: ['bundle', 'install'],
    shares: (inner) => /(?:^|\/)gems\//.test(inner),
  },
  // Tells bundler of vendor/bundle.
  { name: '.bundle', markers: ['Gemfile'] },
  {
    name: 'target',
    markers: ['Cargo.toml', 'pom.xml', 'build.sbt'],
    leave: 'builds write into it, and its records name the main checkout: the first build makes it',
  },
  { name: '.gradle', markers: gradle, leave: 'Gradle locks it; downloads are in ~/.gradle for all' },
  { name: 'Pods', markers: ['Podfile'], lockfile: 'Podfile.lock', command: ['pod', 'install'] },
  {
    name: '.terraform',
    markers: ['.terraform.lock.hcl'],
    lockfile: '.terraform.lock.hcl',
    command: ['terraform', 'init'],
    shares: (inner) => inner.startsWith('providers/'),
  },
  { ...mix, name: 'deps' },
  { ...mix, name: '_build' },
  { name: 'bower_components', markers: ['bower.json'], command: ['bower', 'install'], shares: below },
  { ...yarn, name: '.yarn/cache', shares: () => true },
  { ...yarn, name: '.yarn/unplugged' },
  { ...yarn, name: '.pnp.cjs' },
  { ...yarn, name: '.pnp.loader.mjs' },
]

/** A folder that the worktree lacks. `rule` is undefined for one that only the config names. */
export type FolderEvidence = {
  /** Relative to the root, with `/`, as `project` ('' for the root) is. */
  folder: string
  project: string
  rule: FolderRule | undefined
  isInMain: boolean
  isLockfileEqual: boolean
}

type Choice = Pick<DependencyDecision, 'action' | 'reason' | 'isWarning'>

export function planFolder(
  evidence: FolderEvidence,
  strategy: DependencyStrategy,
  isTrusted: boolean,
): DependencyDecision | undefined {
  if (strategy === 'none') return undefined
  const { folder, project, rule } = evidence
  const command = rule?.command ?? []
  const choice = choose(evidence, strategy, isTrusted)
  const kind = /(?:^|\/)\.?venv$/.test(folder) ? '.venv' : folder.endsWith('node_modules') ? 'node_modules' : 'folder'
  const shares = rule?.shares === undefined ? {} : { shares: rule.shares }
  return { kind, folder, project, folders: choice.action === 'none' ? [] : [folder], command, ...shares, ...choice }
}

function choose(
  { project, rule, isInMain, isLockfileEqual }: FolderEvidence,
  strategy: DependencyStrategy,
  isTrusted: boolean,
): Choice {
  const { leave, command, lockfile } = rule ?? {}
  if (!isInMain) return { action: 'none', reason: 'the main checkout has none', isWarning: true }
  if (strategy === 'auto' && leave !== undefined) return { action: 'none', reason: leave, isWarning: false }
  if (strategy === 'install' && command !== undefined && isTrusted) {
    return { action: 'install', reason: 'as configured', isWarning: false }
  }
  const action = strategy === 'symlink' || strategy === 'copy' ? strategy : 'clone'
  const why =
    strategy !== 'install'
      ? strategy === 'auto'
        ? 'from the main checkout'
        : 'as configured'
      : command === undefined
        ? 'it is not known what installs it: "setup" can'
        : notTrusted('no install was run, as it runs code', 'what it installs').text
  if (isLockfileEqual || command === undefined) return { action, reason: why, isWarning: false }
  const danger = action === 'symlink' ? ", which changes the main checkout's" : ''
  const todo = `it may hold wrong versions until you run \`${inProject(command, project)}\`${danger}`
  return { action, reason: `${why}; ${lockfile ?? 'the lockfile'} differs: ${todo}`, isWarning: true }
}
