/** The one boundary of the command line: finds the command, prints its answer or its failure, tells the exit code. */
import { hideSecrets, type HideOptions } from '../lib/report/hide-secrets.ts'
import { describeFailure, errorCode, errorText, IsolateError } from '../lib/report/isolate-error.ts'
import type { Answer } from './command.ts'
import { commands, type CommandEntry } from './commands.ts'
import { nearest } from './nearest.ts'
import { renderOverview } from './overview.ts'
import { parseArguments } from './parse-arguments.ts'
import { UsageError } from './usage-error.ts'
import { findVersion } from './version.ts'

/** Returns the exit code: 0 done, 1 failed, 2 wrong usage; `exec` answers its command's. */
export async function runCommandLine(words: readonly string[]): Promise<number> {
  // Whoever reads us may have seen enough (`| head`).
  process.stdout.on('error', (error) => {
    if (errorCode(error) !== 'EPIPE') throw error
  })
  try {
    const { text, json, exitCode = 0 } = await answer(words)
    if (wantsJson(words) && json !== undefined) process.stdout.write(renderJson(json))
    else if (text) process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
    return exitCode
  } catch (error) {
    reportFailure(error, wantsJson(words))
    return error instanceof UsageError ? 2 : 1
  }
}

async function answer(words: readonly string[]): Promise<Answer> {
  const [name, ...rest] = enterLeadingDirectory(words)
  if (name === undefined || name === '--help' || name === '-h') return { text: renderOverview(commands) }
  if (name === '--version' || name === '-V') return { text: findVersion() }
  if (name === 'help') return answer(rest[0] === undefined ? [] : [rest[0], '--help'])
  if (name === 'complete' && rest[0] === '--') {
    await (await import('./complete.ts')).completeWords(rest.slice(1))
    return {}
  }
  const entry = commands.get(name)
  if (entry === undefined) throw unknownCommand(name)
  const { syntax, help, run } = await entry.load()
  const args = parseArguments(name, rest, syntax)
  if (args.flags.has('help')) return { text: help }
  const directory = args.texts.get('directory')
  if (directory !== undefined) enter(directory)
  requireCurrentFolder()
  return withoutSecrets(await run(args), entry.shows)
}

/** `-C DIR` may stand before the command, as git's does. Returns the words after it. */
function enterLeadingDirectory(words: readonly string[]): readonly string[] {
  const [option = '', directory] = words
  const attached = /^--directory=(.+)$/s.exec(option)?.[1]
  if (attached !== undefined) {
    enter(attached)
    return words.slice(1)
  }
  if (option !== '-C' && option !== '--directory') return words
  if (!directory) throw new UsageError(`${option} needs a folder`, { hint: 'agent-isolate -C DIR COMMAND' })
  enter(directory)
  return words.slice(2)
}

function enter(directory: string): void {
  try {
    process.chdir(directory)
  } catch (error) {
    const reasons: Record<string, string> = { ENOENT: 'there is none', ENOTDIR: 'it is none', EACCES: 'no permission' }
    const reason = reasons[errorCode(error) ?? '']
    if (reason === undefined) throw error
    throw new IsolateError(`cannot go to the folder ${directory}: ${reason}`, { cause: error })
  }
}

/** A shell may still stand in a worktree that has been removed. */
function requireCurrentFolder(): void {
  try {
    process.cwd()
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
    throw new IsolateError('the current folder no longer exists', { hint: 'Go to one that does, or name it: -C DIR' })
  }
}

function unknownCommand(name: string): UsageError {
  const kind = name.startsWith('-') ? 'option' : 'command'
  const near = kind === 'command' ? nearest(name, [...commands.keys()]) : nearest(name, ['--help', '--version'])
  const meant = near === undefined ? '' : `Did you mean: agent-isolate ${near}? `
  return new UsageError(`there is no ${kind} "${name}"`, { hint: `${meant}All of them: agent-isolate --help` })
}

function reportFailure(error: unknown, asJson: boolean): void {
  const isExpected = error instanceof IsolateError
  if (asJson) {
    const hint = isExpected ? (error.hint ?? null) : null
    process.stdout.write(renderJson(hideInJson({ error: { message: errorText(error), hint } })))
  }
  if (!asJson || !isExpected) process.stderr.write(`agent-isolate: ${describeFailure(error)}\n`)
}

/** Asked of the words themselves, since a failure may come before they could be parsed. */
function wantsJson(words: readonly string[]): boolean {
  const end = words.indexOf('--')
  return (end === -1 ? words : words.slice(0, end)).includes('--json')
}

/** Answers are looked at, logged and read to models. */
function withoutSecrets({ text, json, ...rest }: Answer, shows: CommandEntry['shows']): Answer {
  if (shows === 'all') return { ...rest, ...(text === undefined ? {} : { text }), json }
  const options = shows === undefined ? {} : { keeps: shows }
  return {
    ...rest,
    ...(text === undefined ? {} : { text: hideSecrets(text, options) }),
    json: hideInJson(json, options),
  }
}

function hideInJson(value: unknown, options: HideOptions = {}): unknown {
  if (typeof value === 'string') return hideSecrets(value, options)
  if (Array.isArray(value)) return value.map((each: unknown) => hideInJson(each, options))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, hideInJson(each, options)]))
}

function renderJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}
