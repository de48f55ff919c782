/**
 * The one folder of this machine that holds leases, locks and trust: shared by all repositories, since ports are.
 * Readable by its owner alone.
 */
import { existsSync, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import { errorCode, errorText, IsolateError } from '../report/isolate-error.ts'

/** `$AGENT_ISOLATE_HOME`, else `$XDG_STATE_HOME/agent-isolate`, else `~/.local/state/agent-isolate`. */
export function stateFolder(env: NodeJS.ProcessEnv = process.env): string {
  const own = env['AGENT_ISOLATE_HOME']
  if (own) return requireAbsolute('AGENT_ISOLATE_HOME', own)
  const xdg = env['XDG_STATE_HOME']
  // The XDG specification says that a relative path is to be ignored.
  if (xdg && isAbsolute(xdg)) return join(xdg, 'agent-isolate')
  return join(homedir(), '.local', 'state', 'agent-isolate')
}

/** A subfolder of the state folder, made (0700) where it does not exist. */
export function requireStateFolder(name: string): string {
  const folder = join(stateFolder(), name)
  try {
    makeFolder(folder)
  } catch (error) {
    throw new IsolateError(`the state folder ${folder} cannot be made: ${errorText(error)}`, {
      hint: stateFolderHint(error),
      cause: error,
    })
  }
  return folder
}

/** Step by step: Node's own `recursive` never ends where a file system refuses new folders with ENOENT, as /proc does. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return
  if (dirname(folder) !== folder) makeFolder(dirname(folder))
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
  }
}

/** What to do about a state folder that cannot be written, by the error's code. */
export function stateFolderHint(error: unknown): string {
  if (errorCode(error) === 'ENOSPC' || errorCode(error) === 'EDQUOT')
    return 'The disk is full: free some space and try again.'
  return 'Make it writable, or set AGENT_ISOLATE_HOME to a folder that is.'
}

function requireAbsolute(name: string, path: string): string {
  if (isAbsolute(path)) return path
  throw new IsolateError(`${name} is not an absolute path: ${path}`, {
    hint: `Set ${name} to an absolute path, or unset it.`,
  })
}
