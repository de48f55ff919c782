/** Runs the compiled command line as a user does: a process with its arguments, its exit code and what it printed. */
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import type { Sandbox } from './sandbox.ts'

export type CliResult = { code: number | null; signal: string | null; stdout: string; stderr: string }

/** `npm test` builds it first. */
const program = join(import.meta.dirname, '../..', 'dist', 'cli', 'agent-isolate.js')

/** The running program, and what it comes to. `stdout` tells what it has printed so far. */
export function startCli(
  sandbox: Sandbox,
  cwd: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): { child: ChildProcess; stdout: () => string; result: Promise<CliResult> } {
  const child = spawn(process.execPath, [program, ...args], { cwd, env: { ...sandbox.env, ...env } })
  const printed = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (printed.stderr += text))
  child.stdin.end()
  const result = new Promise<CliResult>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ ...printed, code, signal }))
  })
  return { child, stdout: () => printed.stdout, result }
}

export function runCli(
  sandbox: Sandbox,
  cwd: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<CliResult> {
  return startCli(sandbox, cwd, args, env).result
}

/** The stdout of a run that has to succeed, without its last newline. */
export async function cliAnswer(sandbox: Sandbox, cwd: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(sandbox, cwd, args)
  if (code !== 0) throw new Error(`agent-isolate ${args.join(' ')}: exit ${code}\n${stderr}`)
  return stdout.replace(/\n$/, '')
}

/** The same, parsed as JSON. */
export async function cliJson(sandbox: Sandbox, cwd: string, ...args: string[]): Promise<unknown> {
  return JSON.parse(await cliAnswer(sandbox, cwd, ...args, '--json'))
}
