/** Turns the words after a command's name into what the command asked for, or into a usage error that says what is meant. */
import { parseArgs } from 'node:util'
import { nearest } from './nearest.ts'
import { UsageError } from './usage-error.ts'

/** What a command takes beside `--help` and `--directory`, which all do. */
export type Syntax = {
  /** Names of its operands, all of them required. */
  operands?: readonly string[]
  /** Options without a value. */
  flags?: readonly string[]
  /** Options with one. */
  texts?: readonly string[]
  /** Words after `--` are another program's command line, and required. */
  takesCommandLine?: boolean
}

export type Arguments = {
  operands: readonly string[]
  flags: ReadonlySet<string>
  texts: ReadonlyMap<string, string>
  /** Every value of an option that was given more than once, in order; `texts` has the last. */
  lists: ReadonlyMap<string, readonly string[]>
  commandLine: readonly string[]
}

/** `command` is for the messages. Operands are not checked when `--help` is among the flags. */
export function parseArguments(command: string, words: readonly string[], syntax: Syntax): Arguments {
  const flags = ['help', ...(syntax.flags ?? [])]
  const texts = ['directory', ...(syntax.texts ?? [])]
  const end = syntax.takesCommandLine ? words.indexOf('--') : -1
  const own = end === -1 ? words : words.slice(0, end)
  const given = {
    operands: [] as string[],
    flags: new Set<string>(),
    texts: new Map<string, string>(),
    lists: new Map<string, string[]>(),
  }
  for (const token of tokensOf(own, flags, texts)) {
    if (token.kind === 'positional') given.operands.push(token.value)
    if (token.kind !== 'option') continue
    const { name, rawName, value } = token
    if (flags.includes(name)) {
      if (value !== undefined) throw new UsageError(`${rawName} takes no value`, { hint: helpHint(command) })
      given.flags.add(name)
    } else if (texts.includes(name)) {
      // A single dash alone is a value; anything longer was meant as the next option.
      if (!value || /^-./.test(value)) throw new UsageError(`${rawName} needs a value`, { hint: helpHint(command) })
      given.texts.set(name, value)
      given.lists.set(name, [...(given.lists.get(name) ?? []), value])
    } else throw unknownOption(command, rawName, [...flags, ...texts])
  }
  const commandLine = end === -1 ? [] : words.slice(end + 1)
  if (!given.flags.has('help')) requireOperands(command, given.operands, commandLine, syntax)
  return { ...given, commandLine }
}

function tokensOf(words: readonly string[], flags: readonly string[], texts: readonly string[]) {
  const options = Object.fromEntries([
    ...flags.map((name) => [name, { type: 'boolean' as const, ...(name === 'help' ? { short: 'h' } : {}) }] as const),
    ...texts.map(
      (name) => [name, { type: 'string' as const, ...(name === 'directory' ? { short: 'C' } : {}) }] as const,
    ),
  ])
  // Not strict: Node's own messages explain Node's parser, ours the command.
  return parseArgs({ args: [...words], options, allowPositionals: true, strict: false, tokens: true }).tokens
}

function requireOperands(
  command: string,
  operands: readonly string[],
  commandLine: readonly string[],
  { operands: wanted = [], takesCommandLine = false }: Syntax,
): void {
  const hint = helpHint(command)
  const missing = wanted[operands.length]
  if (missing !== undefined) throw new UsageError(`agent-isolate ${command} needs ${missing}`, { hint })
  if (takesCommandLine && commandLine.length === 0) {
    const words = operands.length === 0 ? 'COMMAND' : operands.join(' ')
    throw new UsageError(`agent-isolate ${command} needs a command after "--"`, {
      hint: `agent-isolate ${command} -- ${words}`,
    })
  }
  const extra = operands[wanted.length]
  if (extra !== undefined) throw new UsageError(`agent-isolate ${command} does not take "${extra}"`, { hint })
}

function unknownOption(command: string, option: string, known: readonly string[]): UsageError {
  const near = nearest(option.replace(/^-+/, ''), known)
  return new UsageError(`agent-isolate ${command} has no option ${option}`, {
    hint: near === undefined ? helpHint(command) : `Did you mean --${near}? ${helpHint(command)}`,
  })
}

function helpHint(command: string): string {
  return `See: agent-isolate ${command} --help`
}
