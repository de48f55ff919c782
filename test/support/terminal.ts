/** A terminal of 80 columns and 40 rows as a person has it before them: keys go in, the screen is read. Driven through tmux. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import type { Sandbox } from './sandbox.ts'

export type Terminal = {
  /** Presses keys one after the other, by tmux's names: `Enter`, `Escape`, `C-c`, `Down`, `Space`. */
  press: (...keys: string[]) => void
  /** Types text as it is. */
  type: (text: string) => void
  /** Waits until all that was printed, scrolled off or not, matches; returns it without trailing blanks. */
  waitFor: (pattern: RegExp) => Promise<string>
  /** Whether anything on the screen has a colour. */
  isColored: () => boolean
  /** Waits for the program's end; returns its exit code and all that was printed. */
  end: () => Promise<{ code: number; text: string }>
}

/** Whether tmux is there; the test is skipped without it, and fails in CI. */
export function requireTmux(t: TestContext): boolean {
  if (spawnSync('tmux', ['-V']).status === 0) return true
  assert.ok(!process.env['CI'] || process.platform !== 'linux', 'tmux is not installed')
  t.skip('tmux is not installed')
  return false
}

/** Starts `command` in a terminal of its own, which goes when the test ends. */
export function startTerminal(
  t: TestContext,
  sandbox: Sandbox,
  { cwd, command, env = {} }: { cwd: string; command: readonly string[]; env?: NodeJS.ProcessEnv },
): Terminal {
  const server = ['-u', '-S', join(sandbox.folder, 'tmux'), '-f', '/dev/null']
  const tmux = (...args: string[]): string =>
    execFileSync('tmux', [...server, ...args], { env: { ...sandbox.env, ...env, TMUX: '' }, encoding: 'utf8' })
  // tmux has a number for it too, which it sometimes never learns (3.3a).
  const exitCode = join(sandbox.folder, 'exit-code')
  const noted = ['sh', '-c', 'file=$1; shift; "$@"; echo $? >"$file"', 'sh', exitCode, ...command]
  // The pane outlives the program, so that its last screen can be read.
  const options = [
    'set-option',
    '-g',
    'remain-on-exit',
    'on',
    ';',
    'set-option',
    '-g',
    'remain-on-exit-format',
    '',
    ';',
  ]
  tmux(...options, 'new-session', '-d', '-x', '80', '-y', '40', '-c', cwd, ...noted)
  // By its id: the socket may be gone by then, with the sandbox.
  const pid = Number(tmux('display-message', '-p', '#{pid}'))
  t.after(() => process.kill(pid))
  const look = (): string =>
    tmux('capture-pane', '-p', '-S', '-')
      .replace(/[ \t]+$/gm, '')
      .trimEnd()
  const waitUntil = async <T>(what: string, find: () => T | undefined): Promise<T> => {
    const deadline = Date.now() + patienceMs
    for (;;) {
      const found = find()
      if (found !== undefined) return found
      if (Date.now() > deadline) throw new Error(`no ${what} on the screen:\n${look()}`)
      await wait(pollMs)
    }
  }
  return {
    press: (...keys) => void tmux('send-keys', ...keys),
    type: (text) => void tmux('send-keys', '-l', text),
    waitFor: (pattern) => waitUntil(String(pattern), () => [look()].find((text) => pattern.test(text))),
    // Colours of SGR (ECMA-48); reverse video, which marks the cursor, is none.
    isColored: () => /\p{Cc}\[(\d+;)*(3|9)[0-7]m/u.test(tmux('capture-pane', '-p', '-e')),
    end: () =>
      waitUntil('end of the program', () => {
        const isClosed = tmux('display-message', '-p', '#{pane_dead}').trim() === '1'
        return isClosed ? { code: Number(readFileSync(exitCode, 'utf8')), text: look() } : undefined
      }),
  }
}

/** A key is answered within milliseconds; a slow machine is not to fail the test. */
const patienceMs = 60_000
const pollMs = 30
