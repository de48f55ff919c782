/** Whether Claude Code will run our hooks: its settings, the files and runtimes that they name, and a run for real. */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, isAbsolute, join, relative } from 'node:path'
import { findProgram, findProgramVersion } from '../detect/tools.ts'
import { hookEvents } from '../init/hook-handlers.ts'
import { marketplaceRepository, pluginId } from '../init/plugin.ts'
import { isWithin } from '../lib/files/inner-path.ts'
import { notTrusted } from '../lib/report/not-trusted.ts'
import type { Check, Context, Finding } from './check.ts'
import { isOurHook, runtimesOf, scriptsOf } from './hook-command.ts'
import { tryHook } from './hook-trial.ts'
import type { SettingsFile } from './settings-files.ts'
import type { HookHandler } from './settings-shape.ts'

export const settingsCheck: Check = {
  id: 'settings',
  title: 'Claude Code settings',
  run(context) {
    const faults = context.settings.flatMap((file) => faultsOf(file, context))
    const found = [...faults, ...registrations(context)]
    return found.length > 0 ? found : [{ id: 'settings.ok', severity: 'ok', message: 'hooks are registered' }]
  },
}

export const hooksCheck: Check = {
  id: 'hooks',
  title: 'Hooks',
  async run(context) {
    const ours = context.settings.flatMap((file) =>
      file.handlers.filter(isOurHook).map((handler) => ({ file, handler })),
    )
    const missing = ours.flatMap(({ file, handler }) => missingScripts(handler, file, context))
    const runtimes = await Promise.all(ours.map(({ file, handler }) => unfitRuntimes(handler, file, context)))
    const creating = ours.filter(({ handler }) => handler.event === 'WorktreeCreate')
    // What is known to be missing need not be tried.
    const trials = missing.length > 0 ? [] : await Promise.all(distinct(creating).map((each) => trial(each, context)))
    return dropRepeats([...missing, ...runtimes.flat(), ...trials])
  },
}

type OurHandler = { file: SettingsFile; handler: HookHandler }

function faultsOf(file: SettingsFile, context: Context): Finding[] {
  return file.faults.map(({ rule, severity, line, message, fix }) => ({
    id: `settings.${rule}`,
    severity,
    message,
    why: 'Claude Code passes over what it cannot read in its settings: the hooks there never run.',
    fix,
    file: shown(file.path, context),
    line,
  }))
}

function registrations(context: Context): Finding[] {
  const { settings, detection } = context
  const handlers = settings.flatMap((file) => file.handlers)
  const ours = handlers.filter(isOurHook)
  const creating = ours.filter(({ event }) => event === 'WorktreeCreate')
  const usesClaude = settings.length > 0 || detection.agents.includes('claude')
  const isPluginMissing =
    settings.some((file) => file.asksForPlugin) && !settings.some(({ scope }) => scope === 'plugin')
  if (creating.length === 0 && isPluginMissing) return [missingPlugin()]
  if (creating.length === 0) {
    return [
      {
        id: 'settings.missing',
        severity: usesClaude ? 'error' : 'warning',
        message: 'no WorktreeCreate hook of agent-isolate is registered',
        why: 'claude -w makes worktrees that share ports and database.',
        fix: 'npx agent-isolate init',
      },
    ]
  }
  const absent = hookEvents.filter((event) => !ours.some((handler) => handler.event === event))
  const foreign = handlers.filter((handler) => handler.event === 'WorktreeCreate' && !isOurHook(handler))
  return [
    ...absent.map((event) => absentHook(event)),
    ...(distinctCommands(creating) > 1 ? [twoHooks('it is registered more than once, with different commands')] : []),
    ...(foreign.length > 0 ? [twoHooks('another WorktreeCreate hook is registered beside it')] : []),
  ]
}

function absentHook(event: string): Finding {
  return {
    id: 'settings.event',
    severity: 'warning',
    message: `no ${event} hook of agent-isolate is registered`,
    why: 'WorktreeRemove releases what a worktree held; SessionStart and SubagentStart hand its environment to the agent.',
    fix: 'npx agent-isolate init',
  }
}

function missingPlugin(): Finding {
  return {
    id: 'settings.plugin',
    severity: 'error',
    message: 'the settings ask for the plugin agent-isolate, which is not installed here',
    why: 'Claude Code installs nothing because a repository says so: claude -w makes worktrees that share ports and database.',
    fix: `claude plugin marketplace add ${marketplaceRepository}, then: claude plugin install ${pluginId} --scope project`,
  }
}

function twoHooks(what: string): Finding {
  return {
    id: 'settings.two-hooks',
    severity: 'error',
    message: `WorktreeCreate: ${what}`,
    why: 'Claude Code runs the hooks of all scopes and plugins at once, and takes one answer.',
    fix: `Keep one: ~/.claude/settings.json, .claude/settings.json, .claude/settings.local.json, or the plugin (else: claude plugin uninstall ${pluginId}).`,
  }
}

/** A command may choose among several files; one of them has to be there. */
function missingScripts(handler: HookHandler, file: SettingsFile, context: Context): Finding[] {
  const scripts = scriptsOf(handler, { projectDir: context.root, home: context.env['HOME'] ?? homedir() })
  const paths = scripts.map((script) => (isAbsolute(script) ? script : join(context.root, script)))
  if (paths.length === 0 || paths.some((path) => existsSync(path))) return []
  return [
    {
      id: 'hooks.file',
      severity: 'error',
      message: `the ${handler.event} hook's file is not there: ${shown(paths[0] ?? '', context)}`,
      why: 'The hook fails, and with it every claude -w.',
      fix: paths.some((path) => path.includes('/node_modules/')) ? 'npm install' : 'npx agent-isolate init',
      ...place(file, handler, context),
    },
  ]
}

/** The first Node that runs TypeScript by itself. */
const strippingNode = [22, 18] as const

async function unfitRuntimes(handler: HookHandler, file: SettingsFile, context: Context): Promise<Finding[]> {
  const [runtime] = runtimesOf(handler)
  if (runtime === undefined) return []
  const folders = (context.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  const path = findProgram(runtime, folders)
  const at = place(file, handler, context)
  const why = 'The hook fails, and with it every claude -w.'
  if (path === undefined) {
    const message = `the ${handler.event} hook needs ${runtime}, which is not on PATH`
    return [
      {
        id: 'hooks.runtime',
        severity: 'error',
        message,
        why,
        fix: `Install ${runtime}, or: npx agent-isolate init`,
        ...at,
      },
    ]
  }
  const needsStripping = runtime === 'node' && /\.ts\b/.test(handler.command) && !/\btsx\b/.test(handler.command)
  const version = needsStripping ? await findProgramVersion(path) : undefined
  if (version === undefined || isAtLeast(version, strippingNode)) return []
  const message = `the ${handler.event} hook runs TypeScript with node ${version}, which needs 22.18`
  return [
    {
      id: 'hooks.runtime',
      severity: 'error',
      message,
      why,
      fix: 'Install a newer node, or: npx agent-isolate init',
      ...at,
    },
  ]
}

/** `version` as `22.18.0`. */
export function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map(Number)
  return ownMajor > major || (ownMajor === major && ownMinor >= minor)
}

/** What came with the repository is run only where its owner trusts it: running it is running a stranger's command. */
async function trial({ file, handler }: OurHandler, context: Context): Promise<Finding> {
  const at = place(file, handler, context)
  if (file.isTracked && !context.project.isTrusted) {
    const { message, hint } = notTrusted('the WorktreeCreate hook was not tried', 'it')
    return {
      id: 'hooks.untried',
      severity: 'warning',
      message,
      why: 'It is a command that came with the repository.',
      fix: hint,
      ...at,
    }
  }
  const { ms, failure } = await tryHook(handler, context.root)
  if (failure === undefined) {
    return { id: 'hooks.ok', severity: 'ok', message: `WorktreeCreate made a worktree in ${ms} ms` }
  }
  return {
    id: 'hooks.trial',
    severity: 'error',
    message: `the WorktreeCreate hook fails in an empty repository: ${failure}`,
    why: 'There is no way around it: a failing hook ends claude -w.',
    fix: 'npx agent-isolate init',
    ...at,
  }
}

function distinct(handlers: readonly OurHandler[]): OurHandler[] {
  return [...new Map(handlers.map((each) => [commandKey(each.handler), each])).values()]
}

function distinctCommands(handlers: readonly HookHandler[]): number {
  return new Set(handlers.map(commandKey)).size
}

function commandKey({ command, args = [] }: HookHandler): string {
  return [command, ...args].join('\0')
}

function dropRepeats(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map((finding) => [`${finding.message}\0${finding.file}`, finding])).values()]
}

function place(file: SettingsFile, { line }: HookHandler, context: Context): Pick<Finding, 'file' | 'line'> {
  return { file: shown(file.path, context), line }
}

function shown(path: string, { root }: Context): string {
  return isWithin(root, path) ? relative(root, path) : path
}
