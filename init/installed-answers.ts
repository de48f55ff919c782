/** The answers that an earlier `init` left in the repository: they are the defaults of the next one, so that it changes nothing. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { configFileName, loadConfig, type Config } from '../lib/project/config.ts'
import { isObject, parseJson } from '../lib/files/json.ts'
import { readIfFile } from '../lib/files/read-if-any.ts'
import type { Answers, InitPlace, Scope, Delivery, Values } from './answers.ts'
import { assemble, flatten } from './given-answers.ts'
import { findOwnHandlers, hookEvents } from './hook-handlers.ts'
import { kindOf, loadInstallation } from './installation.ts'
import { isWorkedOn } from './plan-bundle.ts'
import { asksForPlugin } from './plugin.ts'
import { questions, requireValues } from './questions/questions.ts'

/** `suggested`, with whatever has been decided before in its place. Throws `IsolateError` for an agent-isolate.json that is wrong. */
export function preferInstalled(suggested: Answers, place: InitPlace): Answers {
  const installed = findInstalled(place)
  const hasConfig = existsSync(join(place.root, configFileName))
  // A repository that is set up and has no agent-isolate.json was given its defaults.
  const isDecided = hasConfig || (installed !== undefined && isSetUp(place, installed.scope))
  const { config } = loadConfig(place.root)
  return {
    ...(isDecided ? readAnswers(config, suggested) : suggested),
    scope: installed?.scope ?? suggested.scope,
    delivery: installed === undefined ? suggested.delivery : findDelivery(place, installed.scope, suggested.delivery),
    excludePatterns: installed?.excludePatterns ?? suggested.excludePatterns,
    toolIgnores: installed === undefined || !isDeclined(place, installed.scope),
  }
}

/** `others` where the answer is not kept in agent-isolate.json. */
function readAnswers(config: Config, others: Answers): Answers {
  const flat = flatten(others)
  const valueOf = <K extends keyof Values>(key: K): Values[K] => {
    const { config: setting, plain } = questions[key]
    return (setting === undefined ? flat[key] : setting.read(config)) ?? plain
  }
  return assemble(requireValues(valueOf))
}

type Installed = { scope: Scope; excludePatterns: readonly string[] }

/** An older copy, of all sources, becomes the one file, unless somebody works on its sources. */
function findDelivery(place: InitPlace, scope: Scope, suggested: Delivery): Delivery {
  const { folder, manifest } = loadInstallation(place, kindOf(scope))
  return manifest.delivery ?? (isWorkedOn(folder, manifest.files) ? 'source' : suggested)
}

/** An earlier `init` was told to leave the configs of tools alone. */
function isDeclined(place: InitPlace, scope: Scope): boolean {
  const { manifest, repositoryKey } = loadInstallation(place, kindOf(scope))
  const tools = manifest.repositories[repositoryKey]?.tools
  return tools !== undefined && Object.keys(tools).length === 0
}

/** The user's own settings hold for every repository, those without a record included. */
function isSetUp(place: InitPlace, scope: Scope): boolean {
  const { manifest, repositoryKey } = loadInstallation(place, kindOf(scope))
  return manifest.repositories[repositoryKey] !== undefined
}

/** The first settings file with hooks of ours, or with the plugin. What cannot be read as JSON has none; whoever edits it says what is wrong. */
function findInstalled(place: InitPlace): Installed | undefined {
  for (const [scope, file] of settingsFiles(place)) {
    const settings = parseJson(readIfFile(file) ?? '')
    if (!isObject(settings)) continue
    const { hooks } = settings
    const isOurs = hookEvents.some(
      (event) => findOwnHandlers(isObject(hooks) ? hooks[event] : undefined, event).length > 0,
    )
    if (isOurs || asksForPlugin(settings)) return { scope, excludePatterns: excludePatternsOf(settings) }
  }
  return undefined
}

function settingsFiles({ root, home }: InitPlace): [Scope, string][] {
  const files: [Scope, string][] = [
    ['project', join(root, '.claude', 'settings.json')],
    ['local', join(root, '.claude', 'settings.local.json')],
  ]
  return home === undefined ? files : [...files, ['user', join(home, '.claude', 'settings.json')]]
}

function excludePatternsOf(settings: Record<string, unknown>): string[] {
  const configuration = settings['agentConfiguration']
  const patterns: unknown = isObject(configuration) ? configuration['excludePatterns'] : undefined
  return Array.isArray(patterns) ? patterns.filter((each): each is string => typeof each === 'string') : []
}
