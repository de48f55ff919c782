/**
 * The plugin of Claude Code, complete in one folder: the program with hooks.json, the command line with all that it imports,
 * for the PATH of an agent's shell, and the skill. A release puts it on the branch that the marketplace names.
 */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { hookEvents, hookFiles, hookMatchers } from '../init/hook-handlers.ts'

/** `folder` has the command line in `cli` already, and the folder `program` the program. */
export function assemblePlugin(folder: string, { program }: { program: string }): void {
  cpSync('plugin', folder, { recursive: true })
  cpSync(program, folder, { recursive: true })
  cpSync('LICENSE', join(folder, 'LICENSE'))
  const { name, version, description, license, homepage }: Record<string, string> = JSON.parse(
    readFileSync('package.json', 'utf8'),
  )
  writeJson(join(folder, 'package.json'), { name, version, private: true, type: 'module' })
  writeJson(join(folder, '.claude-plugin/plugin.json'), {
    name,
    version,
    description,
    author: { name },
    homepage,
    license,
  })
  writeJson(join(folder, 'hooks/hooks.json'), { hooks: Object.fromEntries(hookEvents.map(registration)) })
}

function registration(event: (typeof hookEvents)[number]): [event: string, groups: unknown[]] {
  const matcher = hookMatchers[event]
  const command = `/bin/sh "\${CLAUDE_PLUGIN_ROOT}/run" ${hookFiles[event]}`
  return [event, [{ ...(matcher === undefined ? {} : { matcher }), hooks: [{ type: 'command', command }] }]]
}

function writeJson(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${JSON.stringify(value, undefined, 2)}\n`)
}
