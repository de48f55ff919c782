/** What was detected, in a few lines for a person. Pure. */
import { visible } from '../lib/report/visible-text.ts'
import type { Detection } from '../detect/detect.ts'
import { findPostgresService } from '../detect/postgres.ts'

/** No lines where nothing was recognised. */
export function describeDetection(detection: Detection): string[] {
  const { packageManager, python, frameworks, agents } = detection
  const lines: [string, string[]][] = [
    ['packages', [packageManager?.name, python?.manager].filter((name) => name !== undefined)],
    ['servers', frameworks.map(({ title, folder }) => at(title, folder))],
    ['database', databaseWords(detection)],
    ['agents', agents.filter((name) => name !== 'any')],
  ]
  return lines
    .map(([title, words]): [string, string] => [title, [...new Set(words)].join(', ')])
    .filter(([, words]) => words !== '')
    .map(([title, words]) => visible(`${title.padEnd(9)} ${words}`))
}

function databaseWords({ orms, databaseUrls: urls, databaseParts: parts, compose }: Detection): string[] {
  const service = findPostgresService(compose)
  return [
    ...orms.map(({ id, provider, folder }) => at(provider === undefined ? id : `${id} on ${provider}`, folder)),
    ...(service === undefined ? [] : [`postgresql (${service.name} in a compose file)`]),
    ...urls.map(({ provider, key, file }) => `${provider} (${key} in ${file})`),
    ...parts.map(({ provider = 'a server', keys, file }) => `${provider} (${keys.host ?? ''} in ${file})`),
  ]
}

function at(words: string, folder: string): string {
  return folder === '' ? words : `${words} in ${folder}`
}
