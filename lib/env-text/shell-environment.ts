/**
 * The environment as a process or a shell gets it: exports that a POSIX shell reads, kept in the worktree's git admin folder,
 * and the text that looks them up there before each command. No text of a template or a value is ever run.
 */
import { escapeInDoubleQuotes } from './quoting.ts'
import type { EnvPiece } from './references.ts'
import type { EnvEntry } from './template.ts'

/** Where `renderShellEnvironment`'s text belongs, below a linked worktree's git admin folder (`git rev-parse --git-dir`). */
export const shellEnvironmentPath = 'agent-isolate/environment.sh'

/** The first line of `claudeEnvironmentSnippet()`: a file that has it needs no second one. */
export const claudeEnvironmentMarker = '# agent-isolate: the environment of the worktree that a command runs in'

/**
 * `export KEY='value'` lines. Values are literal; a reference that stayed one (`$X`) is expanded when the text is sourced,
 * an unset one to nothing even under `set -u`. Left out are the keys in `omit` and those that no shell variable can have.
 */
export function renderShellEnvironment(
  entries: readonly EnvEntry[],
  { omit = new Set() }: { omit?: ReadonlySet<string> } = {},
): string {
  return entries
    .filter(({ key }) => /^[A-Za-z_]\w*$/.test(key) && !omit.has(key))
    .map(({ key, pieces }) => `export ${key}=${quoteForShell(pieces)}\n`)
    .join('')
}

/** The same for shells in a folder of the worktree and below it; for those that `claudeEnvironmentSnippet` has read it. */
export function renderFolderEnvironment({ folder, entries }: { folder: string; entries: readonly EnvEntry[] }): string {
  const text = renderShellEnvironment(entries)
  const name = `'${folder.replaceAll("'", `'\\''`)}'`
  return text === '' ? '' : `case \${PWD-}/ in "\${_agent_isolate_at-}"/${name}/*)\n${text};; esac\n`
}

/** The folders for which such a text sets `key` to a plain value. */
export function foldersWith(text: string, key: string): { folder: string; value: string }[] {
  return [
    ...text.matchAll(/^case \$\{PWD-\}\/ in "\$\{_agent_isolate_at-\}"\/'(.*)'\/\*\)\n((?:(?!;; esac$).*\n)*)/gm),
  ].flatMap(([, folder = '', exports = '']) => {
    const value = new RegExp(`^export ${key}='(.*)'$`, 'm').exec(exports)?.[1]
    return value === undefined ? [] : [{ folder, value }]
  })
}

/** The entries' values as a process started with `env` is to have them: references filled in from `env` and earlier entries. */
export function expandEntries(entries: readonly EnvEntry[], env: NodeJS.ProcessEnv): Record<string, string> {
  const values: Record<string, string> = {}
  for (const { key, pieces } of entries) values[key] = expand(pieces, { ...env, ...values })
  return values
}

/**
 * Text for CLAUDE_ENV_FILE, to be appended once. bash or zsh source it before every command with the command's folder in
 * PWD, perhaps under `set -eu`: it starts no process, prints nothing, ends with status 0 and sets nothing but the exports.
 * A linked worktree is a folder whose `.git` is a file that names an admin folder with a `commondir` (gitrepository-layout(5));
 * a submodule's has none, so the search goes on above it. In a main checkout it does nothing.
 */
export function claudeEnvironmentSnippet(): string {
  return `
${claudeEnvironmentMarker}
_agent_isolate_at=\${PWD-}
case $_agent_isolate_at in /*) ;; *) _agent_isolate_at= ;; esac
while [ ! -d "$_agent_isolate_at/.git" ]; do
  if [ -f "$_agent_isolate_at/.git" ]; then
    _agent_isolate_git=
    IFS= read -r _agent_isolate_git <"$_agent_isolate_at/.git" || :
    _agent_isolate_git=\${_agent_isolate_git#gitdir: }
    case $_agent_isolate_git in /* | [A-Za-z]:*) ;; *) _agent_isolate_git=$_agent_isolate_at/$_agent_isolate_git ;; esac
    if [ -f "$_agent_isolate_git/commondir" ]; then
      if [ -r "$_agent_isolate_git/${shellEnvironmentPath}" ]; then . "$_agent_isolate_git/${shellEnvironmentPath}"; fi
      break
    fi
  fi
  if [ -z "$_agent_isolate_at" ]; then break; fi
  _agent_isolate_at=\${_agent_isolate_at%/*}
done
unset _agent_isolate_at _agent_isolate_git
# agent-isolate: end
`
}

function quoteForShell(pieces: readonly EnvPiece[]): string {
  if (pieces.some(({ kind }) => kind === 'reference')) return `"${pieces.map(writeForShell).join('')}"`
  return `'${pieces.map(writeLiteral).join('').replaceAll("'", `'\\''`)}'`
}

function writeLiteral(piece: EnvPiece): string {
  return piece.kind === 'reference' ? '' : piece.text
}

function writeForShell(piece: EnvPiece): string {
  if (piece.kind !== 'reference') return escapeInDoubleQuotes(piece.text)
  if (piece.fallback === undefined) return `\${${piece.name}-}`
  return `\${${piece.name}:-${piece.fallback.map(writeFallback).join('')}}`
}

/** A `}` of the text must not end the default. */
function writeFallback(piece: EnvPiece): string {
  return piece.kind === 'reference' ? writeForShell(piece) : escapeInDoubleQuotes(piece.text).replaceAll('}', '\\}')
}

function expand(pieces: readonly EnvPiece[], env: NodeJS.ProcessEnv): string {
  return pieces
    .map((piece) => {
      if (piece.kind !== 'reference') return piece.text
      return env[piece.name] || expand(piece.fallback ?? [], env)
    })
    .join('')
}
