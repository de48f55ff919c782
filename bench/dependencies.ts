/** A node_modules of 10,000 files for a worktree: links, a clone, and cp. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Stage } from '../demo/stage.ts'
import { answerOf } from '../demo/programs.ts'
import { cloneFolder } from '../lib/dependencies/clone-folder.ts'
import { createLinkFolder } from '../lib/dependencies/links.ts'
import { measureInTurns, type Result, type Variant } from './harness.ts'
import type { Run } from './run-measurements.ts'

const packages = 500
const filesEach = 20

export async function measureDependencies(stage: Stage, { rounds }: Run): Promise<Result[]> {
  const source = join(stage.folder, 'main')
  const worktree = join(stage.folder, 'worktree')
  const [from, to] = [join(source, 'node_modules'), join(worktree, 'node_modules')]
  layPackages(from)
  const options = { kind: 'node_modules', source, worktree, from, to, folder: 'node_modules' } as const
  const variant = (name: string, note: string, work: () => Promise<unknown>): Variant => ({
    name,
    prepare: async () => {
      rmSync(worktree, { recursive: true, force: true })
      mkdirSync(worktree)
      return work
    },
    note: () => note,
  })
  return [
    await measureInTurns(`node_modules: ${packages} packages, ${packages * filesEach} files`, rounds, [
      variant('cp -a', 'twice on the disk', () => answerOf(stage, ['cp', '-a', from, to], { cwd: source })),
      variant('links', 'one a package; then a clone', () => createLinkFolder(options)),
      variant('clone', 'made in the background', () => cloneFolder(options)),
    ]),
  ]
}

function layPackages(folder: string): void {
  for (let index = 0; index < packages; index++) {
    const lib = join(folder, `package-${index}`, 'lib')
    mkdirSync(lib, { recursive: true })
    for (let file = 0; file < filesEach; file++) {
      writeFileSync(join(lib, `${file}.js`), `exports.value = ${index}\n`.repeat(50))
    }
  }
}
