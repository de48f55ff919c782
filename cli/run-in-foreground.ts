/** Runs a program in our place: our terminal, our stdin and stdout, our signals; its end becomes ours. */
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { isatty } from 'node:tty'
import { errorCode } from '../lib/report/isolate-error.ts'

export type ForegroundOptions = { cwd: string; env: NodeJS.ProcessEnv }

const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const

/** After these a shell wants to see that we died of the signal, not that we exited: else its loops and scripts go on. */
const passedOnByDying: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

/** Returns the program's exit code, 128 + n after signal n, 126 or 127 (and a line on stderr) when it cannot be started. */
export async function runInForeground(
  program: string,
  args: readonly string[],
  options: ForegroundOptions,
): Promise<number> {
  try {
    const end = await runToItsEnd(program, args, options)
    if (typeof end === 'number') return end
    if (passedOnByDying.includes(end)) process.kill(process.pid, end)
    return 128 + constants.signals[end]
  } catch (error) {
    return reportUnstartable(program, error)
  }
}

/** The exit code, or the signal that ended it. Rejects when it cannot be started. */
function runToItsEnd(
  program: string,
  args: readonly string[],
  { cwd, env }: ForegroundOptions,
): Promise<number | NodeJS.Signals> {
  const child = spawn(program, [...args], { cwd, env, stdio: 'inherit' })
  const listeners = forwarded.map((signal) => ({
    signal,
    listener: () => void (isFromTerminal(signal) || child.kill(signal)),
  }))
  for (const { signal, listener } of listeners) process.on(signal, listener)
  const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 1))
  })
  return ended.finally(() => {
    for (const { signal, listener } of listeners) process.off(signal, listener)
  })
}

/** A terminal sends these to the whole foreground group: passed on, the child would get each of them twice. */
function isFromTerminal(signal: NodeJS.Signals): boolean {
  return isatty(0) && (signal === 'SIGINT' || signal === 'SIGQUIT')
}

/** As shells do: 127 for a program that is not there, 126 for one that cannot be run. */
function reportUnstartable(program: string, error: unknown): 126 | 127 {
  const code = errorCode(error)
  if (code === 'ENOENT') {
    const where = program.includes('/') ? '' : ' on PATH'
    process.stderr.write(`agent-isolate: there is no program "${program}"${where}\n`)
    return 127
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'ENOEXEC' || code === 'EISDIR') {
    process.stderr.write(`agent-isolate: "${program}" cannot be executed (${code})\n`)
    return 126
  }
  throw error
}
