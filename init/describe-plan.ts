/** A plan in few words: which files, and what will be let run here once it is carried out. Pure. */
import { dirname, relative } from 'node:path'
import { hideSecrets } from '../lib/report/hide-secrets.ts'
import { visible } from '../lib/report/visible-text.ts'
import type { Config } from '../lib/project/config.ts'
import { displayWidth } from './display-width.ts'
import type { FileChange, InitPlan } from './file-change.ts'
import { listTrustedDatabase } from './trusted-database.ts'

/** What one does after `init`. */
export const nextStep = 'Next: npx agent-isolate doctor, then claude -w NAME'

export type FileAction = 'created' | 'changed' | 'deleted'

export function actionOf({ before, after }: Pick<FileChange, 'before' | 'after'>): FileAction {
  if (after === undefined) return 'deleted'
  return before === undefined ? 'created' : 'changed'
}

/** One line a file, its path relative to `root` where it lies there; the copied program is one line, however many files it has. */
export function listFiles({ changes }: InitPlan, root: string): string[] {
  const own = changes.filter(({ isBundled }) => !isBundled)
  const lines = own.map((change) => `${actionOf(change)}  ${shortPath(change.path, root)}`)
  for (const action of ['created', 'changed', 'deleted'] as const) {
    const bundled = changes.filter((change) => change.isBundled && actionOf(change) === action)
    if (bundled.length === 0) continue
    const folder = shortPath(commonFolder(bundled.map(({ path }) => path)), root)
    lines.push(`${action}  ${folder}/ (${bundled.length === 1 ? '1 file' : `${bundled.length} files`})`)
  }
  return lines
}

/** What comes with the repository and is run on this machine once it is trusted, with nothing in it hidden from the eye. */
export function listTrusted({ setup, teardown, database, services }: Config): string[] {
  return [
    ...setup.map((command) => `set-up: ${command}`),
    ...teardown.map((command) => `teardown: ${command}`),
    ...listTrustedDatabase(database).map(({ what, text }) => `${what}: ${text}`),
    ...Object.entries(services).flatMap(([name, { url }]) =>
      url === '' ? [] : `shared server ${name}: ${hideSecrets(url, { keeps: 'references' })}`,
    ),
  ].map(visible)
}

/** What to tell once it is done, a list of lines each: copies that were kept, and the plan's notes. */
export function describeNotes({ notes, conflicts }: InitPlan, root: string, width: number): string[][] {
  const kept = conflicts.map((path) => `  ${shortPath(path, root)}`)
  const head = 'Kept as somebody has edited them (--overwrite-edited replaces them):'
  return [...(kept.length === 0 ? [] : [[head, ...kept]]), ...notes.map((note) => wrapText(note, width))]
}

/** Breaks lines between words. A line that starts with a blank is something to copy and stays whole. */
export function wrapText(text: string, width: number): string[] {
  return text.split('\n').flatMap((line) => {
    if (/^\s/.test(line)) return [line]
    const lines: string[] = ['']
    for (const word of line.split(' ')) {
      const last = lines.at(-1) ?? ''
      if (last === '') lines[lines.length - 1] = word
      else if (displayWidth(`${last} ${word}`) <= width) lines[lines.length - 1] = `${last} ${word}`
      else lines.push(word)
    }
    return lines
  })
}

export function shortPath(path: string, root: string): string {
  const inner = relative(root, path)
  return inner.startsWith('..') ? path : inner
}

function commonFolder(paths: readonly string[]): string {
  let folder = dirname(paths[0] ?? '')
  while (!paths.every((path) => path.startsWith(`${folder}/`))) folder = dirname(folder)
  return folder
}
