/** Tools of the project that, run in the main checkout, would run on every agent's unfinished work too. */
import { join } from 'node:path'
import { adviseOnTools } from '../detect/dev-tools.ts'
import { readIfFile } from '../lib/files/read-if-any.ts'
import { isInnerPath } from '../lib/files/inner-path.ts'
import type { Check } from './check.ts'

export const toolsCheck: Check = {
  id: 'tools',
  title: 'Tools that run into worktrees',
  run({ root, project, detection }) {
    const folder = project.config.worktrees.folder.replace(/\/$/, '')
    const files = new Set([...detection.files.tracked, ...detection.files.untracked])
    const read = (path: string): string | undefined => readIfFile(join(root, path))
    const found = isInnerPath(folder) ? adviseOnTools({ files, read, folder }) : []
    if (found.length === 0)
      return [{ id: 'tools.ok', severity: 'ok', message: 'no tool is known to run into worktrees' }]
    return found.map(({ tool, file, line, fix }) => ({
      id: 'tools.worktrees',
      severity: 'warning',
      message:
        tool === 'Next.js' ? `${tool} takes a lockfile above a worktree for the top` : `${tool} goes into ${folder}`,
      why: 'In the main checkout it works on what agents have not finished, in a worktree on the main checkout.',
      fix,
      file,
      ...(line === undefined ? {} : { line }),
    }))
  },
}
