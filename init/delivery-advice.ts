/** What is left to do where the hooks come from elsewhere: from node_modules, or as a plugin. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isObject, parseJson } from '../lib/files/json.ts'
import { readIfAny } from '../lib/files/read-if-any.ts'
import type { Answers, InitPlace } from './answers.ts'
import { dependencyFolder } from './installation.ts'
import { marketplaceRepository, pluginId } from './plugin.ts'

/** One paragraph each. */
export function adviseOnDelivery({ root }: InitPlace, { delivery, scope }: Answers): string[] {
  if (delivery === 'dependency') return adviseOnDependency(root)
  if (delivery !== 'plugin') return []
  return [
    'Claude Code installs nothing because a repository says so. Whoever works here does, once:\n' +
      `  claude plugin marketplace add ${marketplaceRepository}\n` +
      `  claude plugin install ${pluginId} --scope ${scope}`,
  ]
}

/** Which package manager adds it, and when, is for the repository's owner to say. */
function adviseOnDependency(root: string): string[] {
  const manifest = parseJson(readIfAny(join(root, 'package.json')) ?? '')
  const isNamed = ['dependencies', 'devDependencies'].some((key) => {
    const packages: unknown = isObject(manifest) ? manifest[key] : undefined
    return isObject(packages) && 'agent-isolate' in packages
  })
  if (!isNamed) {
    return [
      'package.json does not name agent-isolate, so the hooks have nothing to run yet:\n  npm install --save-dev agent-isolate',
    ]
  }
  if (existsSync(join(root, dependencyFolder, 'run'))) return []
  return ['agent-isolate is named in package.json and not installed here yet:\n  npm install']
}
