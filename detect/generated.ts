/**
 * Code that a command writes into an ignored folder of the project (a Prisma client with an `output`, GraphQL's types, protobuf
 * stubs): what it is, and which command makes it. An install makes it in the main checkout; a worktree lacks it. Pure.
 */
import { posix } from 'node:path'
import { isWithin } from '../lib/files/inner-path.ts'
import { parseManifest } from './packages.ts'
import type { ReadFile, RepositoryFiles } from './repository-files.ts'

export type Generated = {
  /** Folder or file, relative to the top, with `/`. */
  output: string
  /** Makes it, from the top. */
  command: string
}

type Generator = {
  /** Of the file that says where the output goes. */
  file: RegExp
  /** Outputs as that file has them, relative to its folder or, with `isFromProject`, to that of package.json. */
  find: (text: string) => string[]
  isFromProject?: true
  /** Starts it: what a script of package.json has, and what is run where none has it. */
  program: string
}

const generators: readonly Generator[] = [
  {
    file: /\.prisma$/,
    find: (text) =>
      [...text.matchAll(/^\s*generator\s+\w+\s*\{([^}]*)\}/gm)].flatMap(
        ([, body = '']) => /^\s*output\s*=\s*"([^"]+)"/m.exec(body)?.[1] ?? [],
      ),
    program: 'prisma generate',
  },
  {
    file: /(?:^|\/)(?:codegen\.(?:[cm]?[jt]s|ya?ml|json)|\.graphqlrc(?:\.\w+)?)$/,
    find: (text) =>
      [...text.matchAll(/^\s*["']?((?:\.{1,2}\/)*[\w@./-]+(?:\/|\.[jt]sx?))["']?\s*:\s*(?:\{|$)/gm)].map(
        ([, path = '']) => path,
      ),
    isFromProject: true,
    program: 'graphql-codegen',
  },
  {
    file: /(?:^|\/)buf\.gen\.ya?ml$/,
    find: (text) => [...text.matchAll(/^\s*(?:-\s*)?out:\s*["']?([^"'#\s]+)/gm)].map(([, path = '']) => path),
    program: 'buf generate',
  },
]

/** Those whose output is there and of which git has nothing: `files` are those of the main checkout. */
export function detectGenerated(files: RepositoryFiles, execute: string, read: ReadFile): Generated[] {
  const all = [...files.tracked, ...files.untracked]
  const found = generators.flatMap(({ file, find, isFromProject, program }) =>
    files.tracked
      .filter((path) => file.test(path))
      .flatMap((path) => {
        const project = findProject(path, all)
        const from = isFromProject ? project : posix.dirname(path)
        return find(read(path) ?? '').map((output) => ({
          output: posix.normalize(posix.join(from, output)).replace(/\/$/, ''),
          command: commandFor(project, program, execute, read),
        }))
      }),
  )
  return found.filter(
    ({ output }, index) =>
      files.untracked.some((path) => isWithin(output, path)) &&
      !files.tracked.some((path) => isWithin(output, path)) &&
      found.findIndex((other) => other.output === output) === index,
  )
}

/** The folder of the nearest package.json above; `.` where there is none. */
function findProject(path: string, all: readonly string[]): string {
  const folder = posix.dirname(path)
  return folder === '.' || all.includes(`${folder}/package.json`) ? folder : findProject(folder, all)
}

const installHook = /^(?:(?:pre|post)?install|prepare|(?:pre|post)?build|(?:pre|post)?dev)$/

/** A script of the project that does it, as it may load an env file first; never a hook of the install, which may do more. */
function commandFor(project: string, program: string, execute: string, read: ReadFile): string {
  const scripts = parseManifest(read(posix.join(project, 'package.json')) ?? '', project)?.scripts ?? {}
  const [script] =
    Object.entries(scripts).find(([name, text]) => text.includes(program) && !installHook.test(name)) ?? []
  const run = execute === 'pnpm exec' ? 'pnpm' : execute === 'yarn' ? 'yarn' : execute === 'bunx' ? 'bun' : 'npm'
  const command = script === undefined ? `${execute} ${program}` : `${run} run ${script}`
  return project === '.' ? command : `cd ${project} && ${command}`
}
