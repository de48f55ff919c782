/** Where an `init` puts things: one copy of the program in a repository, or one in a home, each with its settings files. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { IsolateError } from '../lib/report/isolate-error.ts'
import type { Delivery, InitPlace, Scope } from './answers.ts'
import { hookFiles, type HookEvent } from './hook-handlers.ts'
import { manifestFile, olderManifestFile, parseManifest, type Manifest } from './manifest.ts'
import { readText } from './read-text.ts'

export type InstallationKind = 'repository' | 'user'

export type Installation = {
  kind: InstallationKind
  /** The copy: `.claude/agent-isolate`. */
  folder: string
  /** File names of the settings that belong to it, all in the folder above the copy. */
  settingsFiles: readonly string[]
  /** How the manifest names the repository at `place.root`. */
  repositoryKey: string
  manifest: Manifest
  /** The one that is there; an older version's has another name. */
  manifestPath: string
  manifestText: string | undefined
}

export function kindOf(scope: Scope): InstallationKind {
  return scope === 'user' ? 'user' : 'repository'
}

export function settingsFileOf(scope: Scope): string {
  return scope === 'local' ? 'settings.local.json' : 'settings.json'
}

/** Throws `IsolateError` for the user's without a home, and for a damaged manifest. */
export function loadInstallation(place: InitPlace, kind: InstallationKind): Installation {
  const base = kind === 'user' ? requireHome(place) : place.root
  const folder = join(base, '.claude', 'agent-isolate')
  const names = [manifestFile, olderManifestFile]
  const manifestPath = join(folder, names.find((name) => existsSync(join(folder, name))) ?? manifestFile)
  const manifestText = readText(manifestPath)
  return {
    kind,
    folder,
    settingsFiles: kind === 'user' ? ['settings.json'] : ['settings.json', 'settings.local.json'],
    repositoryKey: kind === 'user' ? place.root : '.',
    manifest: parseManifest(manifestText, manifestPath),
    manifestPath,
    manifestText,
  }
}

/**
 * Shell command lines that hold for everybody: variables that Claude Code and every login set, in quotes, for folders with
 * spaces. `/bin/sh` because a checkout may have lost the permission to execute.
 */
export function hookCommands(kind: InstallationKind, delivery: Delivery): Record<HookEvent, string> {
  const base = kind === 'user' ? '$HOME' : '$CLAUDE_PROJECT_DIR'
  const folder = delivery === 'dependency' ? dependencyFolder : '.claude/agent-isolate'
  const command = (event: HookEvent): string => `/bin/sh "${base}/${folder}/run" ${hookFiles[event]}`
  return {
    WorktreeCreate: command('WorktreeCreate'),
    WorktreeRemove: command('WorktreeRemove'),
    SessionStart: command('SessionStart'),
    SubagentStart: command('SubagentStart'),
    PostToolUse: command('PostToolUse'),
  }
}

/** Where the program is in a repository that has this package among its dependencies. */
export const dependencyFolder = 'node_modules/agent-isolate/dist/program'

/** A checkout, a linked worktree or a submodule. */
export function isCheckout(root: string): boolean {
  return existsSync(join(root, '.git'))
}

function requireHome({ home }: InitPlace): string {
  if (home !== undefined) return home
  throw new IsolateError('there is no home folder: HOME is not set', {
    hint: 'Set HOME, or choose the scope "project" or "local".',
  })
}
