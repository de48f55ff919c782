/** Kills programs of ours in the middle of what they do, at moments all along the time that it takes on this machine. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { compiledHook } from './hook.ts'
import type { Sandbox } from './sandbox.ts'

/** A hook gets `payload`, the command line nothing. */
export type Victim = { sandbox: Sandbox; cwd: string; command: readonly string[]; payload?: unknown }

/**
 * Starts it and kills it, and it alone, once `moment` has come: what it has started goes on, as it would in life.
 * Returns after how many ms it had ended by itself; undefined when it was killed.
 */
export async function killAt(
  { sandbox, cwd, command: [program = '', ...args], payload }: Victim,
  moment: Promise<unknown>,
): Promise<number | undefined> {
  const start = performance.now()
  const child = spawn(program, args, { cwd, env: sandbox.env, stdio: ['pipe', 'ignore', 'ignore'] })
  child.stdin.on('error', () => undefined)
  child.stdin.end(JSON.stringify(payload))
  const ended = once(child, 'exit')
  await Promise.race([ended, moment])
  const isRunning = child.exitCode === null && child.signalCode === null
  child.kill('SIGKILL')
  await ended
  return isRunning ? undefined : performance.now() - start
}

/**
 * Lets a victim end by itself, which shows how long that takes here, then kills `times` others, each in a part of that time of
 * its own. `look` comes after each of them and is told which it was. One of them at least is met at its work.
 */
export async function killAlong(
  times: number,
  { begin, look }: { begin: () => Victim | Promise<Victim>; look: (which: string) => unknown },
): Promise<void> {
  let whole = (await killAt(await begin(), new Promise(() => undefined))) ?? 0
  await look('not killed')
  let killed = 0
  for (let part = 0; part < times; part++) {
    // Node itself takes the first of it.
    const ms = whole * (0.15 + (0.85 * (part + Math.random())) / times)
    const took = await killAt(await begin(), sleep(ms))
    if (took === undefined) killed++
    // The machine has got faster, so there was more time than it takes.
    else whole = Math.min(whole, took)
    await look(`killed after ${Math.round(ms)} of ${Math.round(whole)} ms`)
  }
  assert.ok(killed > 0, 'none was killed')
}

const program = join(import.meta.dirname, '../..', 'dist', 'cli', 'agent-isolate.js')

export function creationOf(sandbox: Sandbox, cwd: string, name: string): Victim {
  return { sandbox, cwd, command: compiledHook('worktree-create'), payload: { cwd, name } }
}

export function removalOf(sandbox: Sandbox, worktree: string): Victim {
  const payload = { cwd: worktree, worktree_path: worktree }
  return { sandbox, cwd: sandbox.folder, command: compiledHook('worktree-remove'), payload }
}

/** The command line's `args`. */
export function commandOf(sandbox: Sandbox, cwd: string, ...args: string[]): Victim {
  return { sandbox, cwd, command: [process.execPath, program, ...args] }
}

/** The moment at which a file is there. */
export async function untilThere(path: string): Promise<void> {
  while (!existsSync(path)) await sleep(10)
}
