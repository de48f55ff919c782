/** The commands there are, in the order in which one needs them. A command's module is loaded when it is run. */
import type { HideOptions } from '../lib/report/hide-secrets.ts'
import type { Command } from './command.ts'

export type CommandEntry = {
  /** Its line in the overview. */
  usage: string
  summary: string
  load: () => Promise<Command>
  /** What of the secrets in its answer is shown: all, since it is asked for them, or what `HideOptions` says. Nothing where left out. */
  shows?: 'all' | NonNullable<HideOptions['keeps']>
}

export const commands: ReadonlyMap<string, CommandEntry> = new Map<string, CommandEntry>([
  [
    'init',
    {
      usage: 'init',
      summary: 'set this repository up for Claude Code; asks, or takes --yes',
      load: async () => (await import('./init.ts')).command,
      shows: 'code',
    },
  ],
  [
    'create',
    {
      usage: 'create NAME',
      summary: 'make a worktree, or open it again; prints its path',
      load: async () => (await import('./create.ts')).command,
    },
  ],
  [
    'list',
    {
      usage: 'list',
      summary: 'worktrees with ports, who listens there, database, age, state',
      load: async () => (await import('./list.ts')).command,
    },
  ],
  [
    'exec',
    {
      usage: 'exec -- COMMAND',
      summary: "run a command with the worktree's environment",
      load: async () => (await import('./exec.ts')).command,
    },
  ],
  [
    'env',
    {
      usage: 'env',
      summary: 'print that environment, for eval',
      load: async () => (await import('./env.ts')).command,
      shows: 'all',
    },
  ],
  [
    'db',
    {
      usage: 'db ACTION',
      summary: "the worktree's database: url, reset to its seed, psql",
      load: async () => (await import('./db.ts')).command,
      shows: 'all',
    },
  ],
  [
    'sync',
    {
      usage: 'sync',
      summary: "bring the worktree's branch up to date with its upstream",
      load: async () => (await import('./sync.ts')).command,
    },
  ],
  [
    'remove',
    {
      usage: 'remove NAME',
      summary: 'remove a worktree, unless work would be lost',
      load: async () => (await import('./remove.ts')).command,
    },
  ],
  [
    'setup',
    {
      usage: 'setup',
      summary: 'isolate the worktree we are in, whoever made it',
      load: async () => (await import('./setup.ts')).command,
    },
  ],
  [
    'teardown',
    {
      usage: 'teardown',
      summary: 'release what setup took; the worktree stays',
      load: async () => (await import('./teardown.ts')).command,
    },
  ],
  [
    'gc',
    {
      usage: 'gc',
      summary: 'release what dead worktrees hold',
      load: async () => (await import('./gc.ts')).command,
    },
  ],
  [
    'trust',
    {
      usage: 'trust',
      summary: "let this repository's set-up commands run",
      load: async () => (await import('./trust.ts')).command,
      shows: 'code',
    },
  ],
  [
    'uninstall',
    {
      usage: 'uninstall',
      summary: 'take out what init wrote, and nothing else',
      load: async () => (await import('./uninstall.ts')).command,
      shows: 'code',
    },
  ],
  [
    'doctor',
    {
      usage: 'doctor',
      summary: 'is everything in place, and does the code stand in the way?',
      load: async () => (await import('./doctor.ts')).command,
      shows: 'references',
    },
  ],
  [
    'whois',
    {
      usage: 'whois PORT',
      summary: 'who listens on a port, and whose port it is',
      load: async () => (await import('./whois.ts')).command,
    },
  ],
  [
    'completions',
    {
      usage: 'completions',
      summary: 'Tab completion for bash, zsh or fish',
      load: async () => (await import('./completions.ts')).command,
    },
  ],
])
