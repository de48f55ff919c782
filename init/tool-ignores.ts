/** Keeps tools of the main checkout out of the worktrees' folder, in files of the repository that are safe to edit, and takes that back. */
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { adviseOnTools } from '../detect/dev-tools.ts'
import type { Detection } from '../detect/detect.ts'
import { isInnerPath } from '../lib/files/inner-path.ts'
import { readIfFile } from '../lib/files/read-if-any.ts'
import type { FileChange } from './file-change.ts'
import type { RepositoryRecord } from './manifest.ts'
import { readText } from './read-text.ts'
import { editForTool, undoToolEdit, type ToolEdit } from './tool-edits.ts'

type Place = {
  root: string
  files: Detection['files']
  /** Of the worktrees, as agent-isolate.json has it; outside of the repository nothing has to be kept out. */
  folder: string
  /** The text of .gitignore as it is going to be: Prettier reads it. */
  gitignore: string | undefined
}

type Records = Readonly<Record<string, ToolEdit>>

/** What has to be edited still, by path. */
export function findToolEdits({
  root,
  files,
  folder: named,
  gitignore,
}: Place): Map<string, { text: string; edit: ToolEdit }> {
  const folder = named.replace(/\/$/, '')
  if (!isInnerPath(folder)) return new Map()
  const read = (path: string): string | undefined => (path === '.gitignore' ? gitignore : readIfFile(join(root, path)))
  const advice = adviseOnTools({ files: new Set([...files.tracked, ...files.untracked]), read, folder })
  return new Map(
    advice.flatMap((each) => {
      const text = isPlain(root, each.file) ? readText(join(root, each.file)) : undefined
      const edited = text === undefined ? undefined : editForTool(each, text, folder, read('package.json') ?? '')
      return edited === undefined ? [] : [[each.file, edited] as const]
    }),
  )
}

/** Where it is not wanted, what an earlier `init` wrote goes. An empty record says that somebody did not want it. */
export function planToolIgnores(
  place: Place,
  isWanted: boolean,
  earlier: Records = {},
): { changes: FileChange[]; notes: string[]; record: Pick<RepositoryRecord, 'tools'> } {
  if (!isWanted) return { changes: planToolRemoval(place.root, earlier), notes: [], record: { tools: {} } }
  const edits = [...findToolEdits(place)]
  const changes = edits.map(([file, { text }]) => {
    const path = join(place.root, file)
    return { path, before: readText(path), after: text }
  })
  const tools = { ...earlier, ...Object.fromEntries(edits.map(([file, { edit }]) => [file, edit])) }
  const names = edits.map(([file]) => file).join(' and ')
  const notes = edits.length === 0 ? [] : [`${names}: keeps ${place.folder} out (--tool-ignores no leaves it in).`]
  return { changes, notes, record: Object.keys(tools).length === 0 ? {} : { tools } }
}

/** What is left of the edits. */
export function planToolRemoval(root: string, records: Records): FileChange[] {
  return Object.entries(records).flatMap(([file, edit]) => {
    const path = join(root, file)
    const before = isPlain(root, file) ? readText(path) : undefined
    return before === undefined ? [] : [{ path, before, after: undoToolEdit(before, edit) }]
  })
}

/** A link's target may be anybody's. */
function isPlain(root: string, file: string): boolean {
  return lstatSync(join(root, file), { throwIfNoEntry: false })?.isFile() === true
}
