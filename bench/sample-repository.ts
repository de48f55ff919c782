/** Repositories to measure in: made once, then copied for each sample, so that no sample meets what another one left. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { answerOf, git } from '../demo/programs.ts'
import type { Stage } from '../demo/stage.ts'

export type SampleRepository = {
  root: string
  /** Names a ledger of its own. */
  env: NodeJS.ProcessEnv
}

/** `count` files of 40 lines in twenty folders. */
export function manyFiles(count: number): Record<string, string> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `src/d${index % 20}/f${index}.ts`,
      `export const x${index} = ${index}\n`.repeat(40),
    ]),
  )
}

/** A repository with `files` committed, to be copied. Returns its path. */
export async function createTemplate(stage: Stage, files: Record<string, string>): Promise<string> {
  const root = join(mkdtempSync(join(stage.folder, 'template-')), 'repository')
  for (const [path, content] of Object.entries({ '.gitignore': '.env.local\nnode_modules\n*.db\n', ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
  await git(stage, root, 'init', '--quiet', '--initial-branch=main')
  await git(stage, root, 'config', 'user.name', 'Sample')
  await git(stage, root, 'config', 'user.email', 'sample@example.invalid')
  await git(stage, root, 'add', '--all')
  await git(stage, root, 'commit', '--quiet', '--message=first')
  return root
}

/** A copy of the template and of what lies beside it, with an empty ledger. */
export async function copyTemplate(stage: Stage, template: string): Promise<SampleRepository> {
  const folder = mkdtempSync(join(stage.folder, 'copy-'))
  await answerOf(stage, ['cp', '-a', `${dirname(template)}/.`, folder], { cwd: stage.folder })
  return { root: join(folder, 'repository'), env: { AGENT_ISOLATE_HOME: join(folder, 'ledger') } }
}
