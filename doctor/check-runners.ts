/**
 * Tools that run the project's commands in an environment that they filter: the template's keys have to be named to them.
 * Not here, since they pass on all: Nx, npm, make, nox unless it is told otherwise. What compose gives to containers is
 * a matter of its file's own network.
 */
import { posix } from 'node:path'
import { getNodeValue, parseTree } from 'jsonc-parser'
import { isMode } from '../lib/environment/stacks.ts'
import { readIfFile } from '../lib/files/read-if-any.ts'
import { isObject } from '../lib/files/json.ts'
import type { Check, Context, Finding } from './check.ts'
import { templateKeys } from './template-keys.ts'

export const runnersCheck: Check = {
  id: 'runners',
  title: 'Runners',
  run(context) {
    const keys = [...templateKeys(context)].filter((key) => !isMode({ key, pieces: [] }))
    const top = (name: string): string | undefined => readIfFile(posix.join(context.root, name))
    const found = [
      ...checkTurbo(top, context, keys),
      ...checkTox(top, keys),
      ...checkNox(top, keys),
      ...checkBazel(top, context, keys),
    ]
    const message = 'no tool keeps the environment from the commands that it runs'
    return found.length > 0 ? found : [{ id: 'runners.ok', severity: 'ok', message }]
  },
}

type Read = (name: string) => string | undefined

function finding(file: string, name: string, keys: readonly string[], fix: string): Finding {
  return {
    id: `runners.${name.toLowerCase()}`,
    severity: 'error',
    message: `${name} keeps ${keys.join(', ')} from what it runs`,
    why: 'There every worktree has the same port and database.',
    fix: `in ${file}: ${fix}`,
    file,
  }
}

/** Strict is the default since 2.0, and passes on what is named alone (turborepo.dev, "Environment Modes"). */
function checkTurbo(read: Read, { detection }: Context, keys: readonly string[]): Finding[] {
  const file = ['turbo.json', 'turbo.jsonc'].find((name) => read(name) !== undefined)
  const config = file === undefined ? undefined : parseJsonc(read(file) ?? '')
  if (file === undefined || config === undefined || config['envMode'] === 'loose') return []
  // `pipeline` is of the versions before, which pass on all unless told otherwise.
  if (config['tasks'] === undefined && config['globalPassThroughEnv'] === undefined) return []
  const scripts = Object.values(parseJsonc(read('package.json') ?? '')?.['scripts'] ?? {}).filter(
    (script) => typeof script === 'string' && /\bturbo\b/.test(script),
  )
  if (scripts.length > 0 && scripts.every((script) => /--env-mode[= ]loose/.test(String(script)))) return []
  const own = detection.files.tracked
    .filter((path) => /\/turbo\.jsonc?$/.test(path))
    .map((path) => parseJsonc(read(path) ?? ''))
  const missing = keys.filter((key) => !isInferred(key) && !isPassed(key, config, own))
  if (missing.length === 0) return []
  const list = [...namesIn(config['globalPassThroughEnv']), ...missing]
  const names = list.map((key) => JSON.stringify(key)).join(', ')
  return [finding(file, 'Turborepo', missing, `"globalPassThroughEnv": [${names}]`)]
}

/** Of the frameworks that Turborepo knows by themselves (turborepo.dev, "Framework Inference"). */
function isInferred(key: string): boolean {
  return /^(?:NEXT_PUBLIC|VITE|PUBLIC|NUXT|REACT_APP|VUE_APP|GATSBY|EXPO_PUBLIC|STORYBOOK)_/.test(key)
}

type Json = Record<string, unknown>

/** Named for all, or for each task that starts something or tests, be it in a package's own file. */
function isPassed(key: string, config: Json, own: readonly (Json | undefined)[]): boolean {
  const matches = (names: readonly string[]): boolean =>
    names.some((name) => matchesGlob(name, key)) &&
    !names.some((name) => name.startsWith('!') && matchesGlob(name.slice(1), key))
  if (matches([...namesIn(config['globalPassThroughEnv']), ...namesIn(config['globalEnv'])])) return true
  const tasks = [config, ...own].flatMap((each) => (isObject(each?.['tasks']) ? Object.entries(each['tasks']) : []))
  const running = tasks.filter(([name]) => /(?:^|#)(?:dev|start|serve|test)(?::|$)/.test(name))
  const names = new Set(running.map(([name]) => bare(name)))
  const passes = (task: unknown): boolean =>
    isObject(task) && matches([...namesIn(task['env']), ...namesIn(task['passThroughEnv'])])
  return (
    names.size > 0 && [...names].every((name) => running.some(([each, task]) => bare(each) === name && passes(task)))
  )
}

/** Of `web#dev`, `dev`. */
function bare(name: string): string {
  return name.replace(/^.*#/, '')
}

/** tox passes on a list of its own and `pass_env`, names in any case (tox.wiki, "pass_env"). */
function checkTox(read: Read, keys: readonly string[]): Finding[] {
  const ini = ['tox.ini', 'setup.cfg'].find((name) => /^\[(?:tox:)?(?:tox|testenv)\b/m.test(read(name) ?? ''))
  if (ini !== undefined) {
    const values = [...(read(ini) ?? '').matchAll(/^pass_?env[ \t]*=((?:.*(?:\n[ \t]+.*)*))/gm)].map(
      ([, value = '']) => value,
    )
    const missing = missingIn(values.join(' ').split(/[\s,]+/), keys)
    const lines = missing.map((key) => `\n    ${key}`).join('')
    return missing.length === 0 ? [] : [finding(ini, 'tox', missing, `below [testenv]: pass_env =${lines}`)]
  }
  const toml = ['tox.toml', 'pyproject.toml'].find((name) => namesTox(name, read(name) ?? ''))
  if (toml === undefined) return []
  const values = [...(read(toml) ?? '').matchAll(/^\s*pass_?env\s*=\s*(\[[^\]]*\]|"""[^]*?"""|.*)/gm)].map(
    ([, value = '']) => value,
  )
  const missing = missingIn(values.join(' ').split(/[\s,"'[\]]+/), keys)
  const section = toml === 'tox.toml' ? '[env_run_base]' : '[tool.tox.env_run_base]'
  const names = missing.map((key) => JSON.stringify(key)).join(', ')
  return missing.length === 0 ? [] : [finding(toml, 'tox', missing, `below ${section}: pass_env = [${names}]`)]
}

function namesTox(name: string, text: string): boolean {
  return text !== '' && (name === 'tox.toml' || /^\[tool\.tox\b/m.test(text))
}

/** A session has all of the environment, unless a run asks for less (nox.thea.codes, "include_outer_env"). */
function checkNox(read: Read, keys: readonly string[]): Finding[] {
  const lines = (read('noxfile.py') ?? '').split('\n')
  const line = lines.findIndex((text) => /^(?!\s*#).*include_outer_env\s*=\s*False/.test(text)) + 1
  if (line === 0) return []
  return [{ ...finding('noxfile.py', 'nox', keys, 'take include_outer_env=False out'), line }]
}

/** `bazel test` runs in an environment of its own; `bazel run` does not (bazel.build, "Test encyclopedia"). What `--action_env` names, tests have too. */
function checkBazel(read: Read, { detection }: Context, keys: readonly string[]): Finding[] {
  if (!['MODULE.bazel', 'WORKSPACE', 'WORKSPACE.bazel'].some((name) => detection.files.tracked.includes(name)))
    return []
  const named = [...(read('.bazelrc') ?? '').matchAll(/^(?:test|build|common)\b.*$/gm)]
    .flatMap(([line]) => [...line.matchAll(/--(?:test|action)_env[= ](\w+)/g)])
    .map(([, name = '']) => name)
  const missing = keys.filter((key) => key !== 'PORT' && !named.includes(key))
  if (missing.length === 0) return []
  const flags = missing.map((key) => `--test_env=${key}`).join(' ')
  return [{ ...finding('.bazelrc', 'Bazel', missing, `test ${flags}`), severity: 'warning' }]
}

function missingIn(names: readonly string[], keys: readonly string[]): string[] {
  return keys.filter((key) => !names.some((name) => matchesGlob(name.toUpperCase(), key.toUpperCase())))
}

function matchesGlob(pattern: string, key: string): boolean {
  const text = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${text}$`).test(key)
}

function namesIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each): each is string => typeof each === 'string') : []
}

function parseJsonc(text: string): Json | undefined {
  const tree = parseTree(text, [], { allowTrailingComma: true })
  const value: unknown = tree === undefined ? undefined : getNodeValue(tree)
  return isObject(value) ? value : undefined
}
