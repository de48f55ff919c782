/** Git's configuration, all of it in one process: the repository's, the user's, the machine's, and what they include. */
import { git, type GitPlace } from './git.ts'

/** Values by key, the last of several being the one that counts for most keys; section and variable in lower case. */
export type GitConfig = ReadonlyMap<string, readonly string[]>

/** Throws `IsolateError` when a config file cannot be read. */
export async function loadGitConfig(place: GitPlace): Promise<GitConfig> {
  return parseGitConfig(await git(place, ['config', '--list', '-z']))
}

/** Parses `git config --list -z`: `key LF value NUL`; a key alone, which means "true", has no LF. Pure. */
export function parseGitConfig(text: string): GitConfig {
  const config = new Map<string, string[]>()
  for (const entry of text.split('\0').filter((one) => one !== '')) {
    const end = entry.indexOf('\n')
    const [key, value] = end === -1 ? [entry, 'true'] : [entry.slice(0, end), entry.slice(end + 1)]
    const values = config.get(key)
    if (values === undefined) config.set(key, [value])
    else values.push(value)
  }
  return config
}

/** The value that counts where a key is set several times. */
export function lastValue(config: GitConfig, key: string): string | undefined {
  return config.get(key)?.at(-1)
}

/** Hooks that the config defines (`hook.NAME.event`, since git 2.54), whatever lies in the hooks folder. */
export function definesHook(config: GitConfig, event: string): boolean {
  return [...config].some(([key, values]) => /^hook\..*\.event$/s.test(key) && values.includes(event))
}
