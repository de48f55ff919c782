/**
 * direnv and mise give a shell what files in the folders above say: in a worktree inside the main checkout, main's values.
 * Not here: .tool-versions names versions, which are the same in every worktree.
 */
import { existsSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { parseEnvStatements } from '../lib/env-text/syntax.ts'
import { isWithin } from '../lib/files/inner-path.ts'
import { readIfFile } from '../lib/files/read-if-any.ts'
import type { Check, Context, Finding } from './check.ts'
import { templateKeys } from './template-keys.ts'

export const shellToolsCheck: Check = {
  id: 'shell-tools',
  title: 'direnv and mise',
  run(context) {
    const found = [...checkDirenv(context), ...checkMise(context)]
    const message = 'no tool gives the main checkout’s values to a shell in a worktree'
    return found.length > 0 ? found : [{ id: 'shell-tools.ok', severity: 'ok', message }]
  },
}

/** The last line of an .envrc; in the main checkout it does nothing. */
const envrcLine = 'if has agent-isolate; then eval "$(agent-isolate env 2>/dev/null)"; fi'

const why = 'In a worktree that shell works on the main checkout’s port and database.'

/** direnv loads the nearest .envrc alone (direnv(1)): the worktree's own where git has it, else main's, or one further up. */
function checkDirenv(context: Context): Finding[] {
  const { root, detection } = context
  const folder = nearest(context, (each) => existsSync(join(each, '.envrc')))
  if (folder === undefined) return []
  const text = readIfFile(join(folder, '.envrc')) ?? ''
  const keys = keysOf(text, context, folder)
  const isOwn = folder === root
  const isTracked = isOwn && detection.files.tracked.includes('.envrc')
  const isRight = /\bagent-isolate\b.*\benv\b/.test(text)
  if (keys.length === 0 || (isRight && (isTracked || isCarried(context)))) return []
  const file = isOwn ? '.envrc' : join(folder, '.envrc')
  // Another folder's file is not to be changed: the repository gets one of its own.
  const line = isOwn ? envrcLine : `source_up\n${envrcLine}`
  const own = [
    ...(isRight ? [] : [`last in ${isOwn ? 'it' : '.envrc'}: ${line}`]),
    ...(isTracked || isCarried(context) ? [] : ['in agent-isolate.json: "copy": [".envrc"]']),
    'and in each worktree, once: direnv allow',
  ]
  const message = `direnv sets ${keys.join(', ')} as in the main checkout`
  return [{ id: 'shell-tools.direnv', severity: 'warning', message, why, fix: own.join('\n'), file }]
}

function isCarried({ project }: Context): boolean {
  return project.config.copy.includes('.envrc')
}

/** Of the template's keys, those that the file sets itself, or from an env file that is not the worktree's. */
function keysOf(text: string, context: Context, folder: string): string[] {
  const lines = text.split('\n').filter((line) => !/^\s*#/.test(line))
  const set = lines.flatMap((line) => /^\s*export\s+(\w+)=/.exec(line)?.[1] ?? [])
  const files = lines.flatMap((line) => {
    const [, name] = /^\s*dotenv(?:_if_exists)?(?:\s+["']?([^"'\s]+))?/.exec(line) ?? []
    return /^\s*dotenv\b|^\s*dotenv_if_exists\b/.test(line) ? [name ?? '.env'] : []
  })
  // Read beside the .envrc: a worktree's own .envrc reads the worktree's own file.
  const isOfWorktree = (path: string): boolean =>
    folder === context.root &&
    context.detection.files.tracked.includes('.envrc') &&
    path === context.project.config.environment.file
  const read = files
    .filter((path) => !isOfWorktree(path))
    .flatMap((path) => keysIn(readIfFile(resolve(folder, path)) ?? ''))
  const wanted = templateKeys(context)
  return [...new Set([...set, ...read])].filter((key) => wanted.has(key))
}

function keysIn(text: string): string[] {
  return parseEnvStatements(text).flatMap(({ assignment }) => assignment?.key ?? [])
}

/** In the order in which mise.jdx.dev, "Configuration", names them. */
const miseFiles = [
  'mise.toml',
  '.mise.toml',
  'mise.local.toml',
  '.mise.local.toml',
  'mise/config.toml',
  '.config/mise.toml',
  '.config/mise/config.toml',
]

/** mise loads all files from here up, the nearest last: what main's or the worktree's own [env] sets is the same everywhere. */
function checkMise(context: Context): Finding[] {
  const { root, project } = context
  const wanted = templateKeys(context)
  return foldersUp(context).flatMap((folder) =>
    miseFiles.flatMap((name): Finding[] => {
      const text = readIfFile(join(folder, name))
      const section = /^\[env\]\s*\n((?:(?!\[).*(?:\n|$))*)/m.exec(text ?? '')?.[1] ?? ''
      const keys = keysIn(section.replace(/^([\w]+)\s*=\s*/gm, '$1=')).filter((key) => wanted.has(key))
      if (keys.length === 0) return []
      const file = folder === root ? name : join(folder, name)
      const here = relative(root, join(folder, name)) === name && name === 'mise.toml'
      const line = `_.file = ${JSON.stringify(project.config.environment.file)}`
      const fix = here
        ? `below [env], in place of ${keys.join(', ')}: ${line}`
        : `take ${keys.join(', ')} out of it, and in mise.toml, below [env]: ${line}`
      const message = `mise sets ${keys.join(', ')} as in the main checkout`
      return [{ id: 'shell-tools.mise', severity: 'warning', message, why, fix, file }]
    }),
  )
}

function nearest(context: Context, has: (folder: string) => boolean): string | undefined {
  return foldersUp(context).find(has)
}

/**
 * The main checkout and, where worktrees lie below it, the folders above: not the home folder, whose files are meant for
 * all that is in it, nor those above that.
 */
function foldersUp({ root, project, env }: Context): string[] {
  const worktrees = resolve(root, project.config.worktrees.folder)
  const home = env['HOME'] ?? '/'
  const folders: string[] = isWithin(root, worktrees) ? [root] : []
  for (let above = dirname(root); above !== dirname(above); above = dirname(above)) {
    if (isWithin(above, home)) break
    folders.push(above)
  }
  return folders
}
