/** How things are started: the real hooks and command line, compiled where they are, and the sample's servers. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { IsolateError } from '../lib/report/isolate-error.ts'
import { loadProgramOnNode } from '../lib/processes/same-runtime.ts'
import type { Running, Stage, StartOptions } from './stage.ts'

/** How long a server may take to start, in ms. */
const startMs = 15_000

/** The compiled program, on another Node where one is named. A hook is what follows. */
export function hookCommand(hook: string, node: string = process.execPath): string[] {
  return [node, '-e', loadProgramOnNode, compiledProgram, hook]
}

/** All hooks in one file. `npm ci` makes it. */
export const compiledProgram = join(import.meta.dirname, '..', 'dist', 'program', 'agent-isolate')

/** The command line. `npm ci` compiles it; without that tsx runs the sources, more slowly. */
export function programCommand(path: string): string[] {
  const root = join(import.meta.dirname, '..')
  const compiled = join(root, 'dist', `${path}.js`)
  if (existsSync(compiled)) return [process.execPath, compiled]
  return [process.execPath, '--import', import.meta.resolve('tsx'), join(root, `${path}.ts`)]
}

/** Stdout of a program that has to succeed, without its last newline. */
export async function answerOf(stage: Stage, command: readonly string[], options: StartOptions): Promise<string> {
  const { code, stdout, stderr } = await stage.start(command, options).ended
  if (code === 0) return stdout.replace(/\n$/, '')
  throw new IsolateError(`${command.join(' ')} failed (${code ?? 'it was ended'})`, { hint: stderr.trim() })
}

export function git(stage: Stage, cwd: string, ...args: string[]): Promise<string> {
  return answerOf(stage, ['git', ...args], { cwd })
}

/** The command line, in a checkout. `colors`: keeps the colours that it would have on a terminal. */
export function agentIsolate(
  stage: Stage,
  cwd: string,
  args: readonly string[],
  { colors = false }: { colors?: boolean } = {},
): Promise<string> {
  const env = colors ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' }
  return answerOf(stage, [...programCommand('cli/agent-isolate'), ...args], { cwd, env })
}

/** Runs the hook for an event as Claude Code does: its payload on stdin, the answer on stdout. */
export function runHook(
  stage: Stage,
  hook: 'worktree-create' | 'worktree-remove',
  payload: { cwd: string; hook_event_name: string } & Record<string, string>,
): Promise<string> {
  const session = { session_id: 'demo', transcript_path: join(stage.folder, 'transcript.jsonl') }
  const input = JSON.stringify({ ...session, ...payload })
  return answerOf(stage, hookCommand(hook), { cwd: payload.cwd, input })
}

/** What anyone types to start the sample: nothing in it is agent-isolate's. */
export const serverCommand = ['node', '--env-file=.env.local', 'server.js']

/** Starts the sample's server in a checkout. */
export function startServer(stage: Stage, cwd: string, env: NodeJS.ProcessEnv = {}): Running {
  return stage.start([process.execPath, ...serverCommand.slice(1)], { cwd, env })
}

/** The port that a server says it listens on. Throws when it ends instead. */
export async function listeningPort(server: Running): Promise<number> {
  for (let waitedMs = 0; waitedMs < startMs; waitedMs += 10) {
    const port = /listening on (\d+)/.exec(server.printed())?.[1]
    if (port !== undefined) return Number(port)
    const ended = await Promise.race([server.ended, sleep(10)])
    if (ended !== undefined) throw new IsolateError('a server did not start', { hint: ended.stderr.trim() })
  }
  throw new IsolateError(`a server was not ready after ${startMs / 1000} seconds`)
}

/** What the server on a port answers: all notes in its database. */
export async function requestNotes(port: number, note?: string): Promise<unknown> {
  const request = note === undefined ? {} : { method: 'POST', body: note }
  const response = await fetch(`http://127.0.0.1:${port}/`, request)
  return response.json()
}
