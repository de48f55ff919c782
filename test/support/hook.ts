/** Runs a hook as Claude Code does: a process, a payload on stdin, a path on stdout. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { loadProgramOnNode } from '../../lib/processes/same-runtime.ts'
import type { Sandbox } from './sandbox.ts'

export type HookResult = { code: number | null; signal: string | null; stdout: string; stderr: string }

export type HookOptions = {
  /** What to run; the compiled hook on this Node when left out. */
  command?: readonly string[]
  env?: NodeJS.ProcessEnv
  /** Leaves stdin open after the payload, as some clients do. */
  keepStdinOpen?: boolean
}

/** The compiled hook: `npm test` builds it first. */
export function compiledHook(name: string): string[] {
  return [
    process.execPath,
    '-e',
    loadProgramOnNode,
    join(import.meta.dirname, '../..', 'dist', 'program', 'agent-isolate'),
    name,
  ]
}

/** `payload` is sent as it is when it is text, else as JSON. */
export function runHook(
  sandbox: Sandbox,
  name: string,
  payload: unknown,
  options: HookOptions = {},
): Promise<HookResult> {
  const [program = '', ...args] = options.command ?? compiledHook(name)
  const child = spawn(program, args, { env: { ...sandbox.env, ...options.env }, cwd: sandbox.folder })
  const result: HookResult = { code: null, signal: null, stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (result.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (result.stderr += text))
  child.stdin.on('error', () => undefined)
  child.stdin.write(typeof payload === 'string' ? payload : JSON.stringify(payload))
  if (!options.keepStdinOpen) child.stdin.end()
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ ...result, code, signal }))
  })
}

/** Creates a worktree through the hook; throws when it fails. Returns its path. */
export async function createThroughHook(
  sandbox: Sandbox,
  cwd: string,
  name: string,
  options: HookOptions = {},
): Promise<string> {
  const result = await runHook(sandbox, 'worktree-create', { cwd, name, hook_event_name: 'WorktreeCreate' }, options)
  if (result.code !== 0) throw new Error(`worktree-create ${name}: exit ${result.code}\n${result.stderr}`)
  return result.stdout.replace(/\n$/, '')
}

export function removeThroughHook(sandbox: Sandbox, worktree: string, options: HookOptions = {}): Promise<HookResult> {
  const payload = { cwd: worktree, worktree_path: worktree, hook_event_name: 'WorktreeRemove' }
  return runHook(sandbox, 'worktree-remove', payload, options)
}
