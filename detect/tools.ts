/** What surrounds the code: coding agents, git hook managers, and programs on this machine. */
import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { errorCode } from '../lib/report/isolate-error.ts'
import { run } from '../lib/processes/run.ts'

/** See "Other agents" in each tool's documentation; the folder or file that gives it away. */
export type Agent = (typeof agentMarks)[number][0]

const agentMarks = [
  ['claude', ['.claude', 'CLAUDE.md']],
  ['cursor', ['.cursor', '.cursorrules']],
  ['codex', ['.codex']],
  ['conductor', ['.conductor', 'conductor.json']],
  ['superset', ['.superset']],
  ['emdash', ['.emdash.json']],
  ['zed', ['.zed']],
  ['vscode', ['.vscode']],
  ['windsurf', ['.windsurf', '.windsurfrules']],
  ['gemini', ['.gemini', 'GEMINI.md']],
  ['any', ['AGENTS.md']],
] as const

export type GitHooks = 'husky' | 'lefthook' | 'pre-commit'

const hookMarks: readonly (readonly [GitHooks, readonly string[]])[] = [
  ['husky', ['.husky']],
  ['lefthook', ['lefthook.yml', 'lefthook.yaml', '.lefthook.yml', '.lefthook.yaml', 'lefthook.toml', 'lefthook.json']],
  ['pre-commit', ['.pre-commit-config.yaml']],
]

export type ProgramName = (typeof programNames)[number]

const programNames = ['node', 'tsx', 'deno', 'bun', 'python3', 'uv', 'docker'] as const

export type Program = { name: ProgramName; path: string }

export function detectAgents(root: string): Agent[] {
  return agentMarks.filter(([, marks]) => isAnyThere(root, marks)).map(([name]) => name)
}

/** The first that is configured. */
export function detectGitHooks(root: string): GitHooks | undefined {
  return hookMarks.find(([, marks]) => isAnyThere(root, marks))?.[0]
}

/** Looks in the repository's node_modules/.bin, then on PATH, as `npx` does. */
export function detectPrograms(root: string, path: string = process.env['PATH'] ?? ''): Program[] {
  const folders = [join(root, 'node_modules', '.bin'), ...path.split(delimiter)].filter((folder) => folder !== '')
  return programNames.flatMap((name) => {
    const found = findProgram(name, folders)
    return found === undefined ? [] : [{ name, path: found }]
  })
}

/** The first executable file of that name. */
export function findProgram(name: string, folders: readonly string[]): string | undefined {
  const suffixes = process.platform === 'win32' ? ['.exe', '.cmd', ''] : ['']
  return folders
    .flatMap((folder) => suffixes.map((suffix) => join(folder, name + suffix)))
    .find((path) => isExecutable(path))
}

/** `22.18.0`; starts the program. Undefined when it does not say, or not within five seconds. */
export async function findProgramVersion(path: string): Promise<string | undefined> {
  const { stdout, stderr } = await run(path, ['--version'], { timeoutMs: 5_000 })
  return /\d+\.\d+(?:\.\d+)?/.exec(stdout || stderr)?.[0]
}

function isAnyThere(root: string, marks: readonly string[]): boolean {
  return marks.some((mark) => existsSync(join(root, mark)))
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP'].includes(errorCode(error) ?? '')) return false
    throw error
  }
}
