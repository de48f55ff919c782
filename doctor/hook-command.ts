/** What can be told about a hook's command without running it: whether it is ours, the files and programs that it names. Pure. */
import { hookEvents, isOwnCommand } from '../init/hook-handlers.ts'
import type { HookHandler } from './settings-shape.ts'

export type HookPlaces = { projectDir: string; home: string }

/** A handler that runs a hook of ours. */
export function isOurHook({ event, command, args = [] }: HookHandler): boolean {
  const known = hookEvents.find((name) => name === event)
  return known !== undefined && isOwnCommand([command, ...args].join(' '), known)
}

/** Absolute or relative paths of the scripts that a command names; those with other variables in them are left out. */
export function scriptsOf({ command, args }: Pick<HookHandler, 'command' | 'args'>, places: HookPlaces): string[] {
  // "$CLAUDE_PROJECT_DIR"/x is the same word as "$CLAUDE_PROJECT_DIR/x".
  const text = [command, ...(args ?? [])].join('\n').replace(/"(\$\{?(?:CLAUDE_PROJECT_DIR|HOME)\}?)"(?=\/)/g, '$1')
  const words = [
    ...text.matchAll(
      /[^\s"';|&()<>`=]+(?:\.(?:[cm]?js|ts|sh)|\/agent-isolate\/(?:dist\/program\/|\d[^/\s"']*\/)?run)(?![\w.])/g,
    ),
  ].map(([word]) => word)
  const paths = words.map((word) => expand(word, places)).filter((word) => !/[$*{]/.test(word))
  return [...new Set(paths)]
}

/** Runtimes that a command names, in order: it may choose among several. */
export function runtimesOf({ command, args = [] }: Pick<HookHandler, 'command' | 'args'>): string[] {
  const text = [command, ...args].join(' ')
  return [
    ...new Set([...text.matchAll(/(?<![\w./-])(node|npx|tsx|deno|bun)(?![\w./-])/g)].map(([, name = '']) => name)),
  ]
}

function expand(word: string, { projectDir, home }: HookPlaces): string {
  return word
    .replace(/^\$\{?CLAUDE_PROJECT_DIR\}?(?=\/)/, () => projectDir)
    .replace(/^(?:\$HOME|\$\{HOME\}|~)(?=\/)/, () => home)
}
