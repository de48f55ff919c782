/**
 * Runs a WorktreeCreate hook for real, as Claude Code does, against a repository made for it in a temporary folder with a
 * ledger of its own; all of it is removed again. What is the user's is not touched.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gitIn } from '../lib/git/git.ts'
import { isWithin, findEntry } from '../lib/files/inner-path.ts'
import { isAlive, ownIdentity } from '../lib/processes/process-identity.ts'
import { childEnvironment, run, type Outcome } from '../lib/processes/run.ts'
import type { HookHandler } from './settings-shape.ts'

/** `failure` undefined: it made a worktree and answered its path. `ms` is how long it took. */
export type Trial = { ms: number; failure: string | undefined }

/** Longer than any hook needs for an empty repository, tsx on a cold cache included. */
const timeoutMs = 30_000

/** `projectDir` is where Claude Code would be started. */
export async function tryHook(handler: Pick<HookHandler, 'command' | 'args'>, projectDir: string): Promise<Trial> {
  sweepTrials()
  const folder = realpathSync(mkdtempSync(join(tmpdir(), `${trialPrefix}${process.pid}-`)))
  try {
    const repository = await makeRepository(folder)
    const env = childEnvironment({
      AGENT_ISOLATE_HOME: join(folder, 'state'),
      CLAUDE_PROJECT_DIR: projectDir,
    })
    const payload = {
      session_id: 'agent-isolate-doctor',
      transcript_path: join(folder, 'transcript.jsonl'),
      cwd: repository,
      hook_event_name: 'WorktreeCreate',
      name: 'doctor',
    }
    const [program, args] = commandLineOf(handler, projectDir)
    const started = performance.now()
    const outcome = await run(program, args, { cwd: projectDir, env, input: `${JSON.stringify(payload)}\n`, timeoutMs })
    const ms = Math.round(performance.now() - started)
    return { ms, failure: await findFailure(outcome, repository) }
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

const trialPrefix = 'agent-isolate-doctor-'

/** What a doctor that was killed left. */
function sweepTrials(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = Number(/^agent-isolate-doctor-(\d+)-\w{6}$/.exec(name)?.[1] ?? process.pid)
    const folder = join(tmpdir(), name)
    if (isAlive({ ...ownIdentity(), pid, startTime: '' })) continue
    const status = findEntry(folder)
    if (status?.isDirectory() && status.uid === process.getuid?.()) rmSync(folder, { recursive: true, force: true })
  }
}

/** With `args` there is no shell, and only this variable is put in. */
function commandLineOf(
  { command, args }: Pick<HookHandler, 'command' | 'args'>,
  projectDir: string,
): [string, string[]] {
  if (args === undefined) return ['/bin/sh', ['-c', command]]
  const [program = '', ...rest] = [command, ...args].map((word) => word.replaceAll('${CLAUDE_PROJECT_DIR}', projectDir))
  return [program, rest]
}

async function makeRepository(folder: string): Promise<string> {
  const repository = join(folder, 'repository')
  mkdirSync(repository)
  writeFileSync(join(repository, 'README.md'), 'made by agent-isolate doctor\n')
  await gitIn(repository, ['init', '--quiet'])
  await gitIn(repository, ['add', 'README.md'])
  const identity = [
    '-c',
    'user.name=agent-isolate',
    '-c',
    'user.email=doctor@agent-isolate.invalid',
    '-c',
    'commit.gpgsign=false',
  ]
  await gitIn(repository, [...identity, 'commit', '--quiet', '--no-verify', '--message', 'first'])
  return repository
}

/** What Claude Code would object to: docs and issues #66503, #89076. */
async function findFailure(outcome: Outcome, repository: string): Promise<string | undefined> {
  const said = lastLine(outcome.stderr)
  if (outcome.timedOut) return `it had not ended after ${timeoutMs / 1000} s${said}`
  if (outcome.isMissing) return 'its program cannot be found'
  if (outcome.code !== 0) return `it ended with exit code ${outcome.code ?? outcome.signal}${said}`
  const path = outcome.stdout.trimEnd().split('\n').at(-1) ?? ''
  if (path === '' || !existsSync(path)) return `its answer is not the path of a folder: "${path.slice(0, 100)}"${said}`
  if (!isWithin(repository, realpathSync(path))) return `the worktree lies outside the repository: ${path}`
  const listed = await gitIn(repository, ['worktree', 'list', '--porcelain'])
  return listed.includes(`worktree ${path}\n`) ? undefined : `git does not list ${path} as a worktree`
}

function lastLine(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !/^\s+at /.test(line))
  const telling = lines.find((line) => /error|cannot|not found|no such/i.test(line)) ?? lines.at(-1)
  return telling === undefined ? '' : `: ${telling.trim().slice(0, 300)}`
}
