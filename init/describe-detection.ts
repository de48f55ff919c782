/** What was detected, in a few lines for a person. Pure. */
import { visible } from '../lib/visible-text.ts'
import type { Detection } from './detect.ts'

/** No lines where nothing was recognised. */
export function describeDetection(detection: Detection): string[] {
  const { packageManager, python, frameworks, orms, databaseUrls, agents } = detection
  const lines: [string, string[]][] = [
    ['packages', [packageManager?.name, python?.manager].filter((name) => name !== undefined)],
    ['servers', frameworks.map(({ title, folder }) => at(title, folder))],
    ['database', databaseWords(orms, databaseUrls)],
    ['agents', agents.filter((name) => name !== 'any')],
  ]
  return lines
    .map(([title, words]): [string, string] => [title, [...new Set(words)].join(', ')])
    .filter(([, words]) => words !== '')
    .map(([title, words]) => visible(`${title.padEnd(9)} ${words}`))
}

function databaseWords(orms: Detection['orms'], urls: Detection['databaseUrls']): string[] {
  return [
    ...orms.map(({ id, provider, folder }) => at(provider === undefined ? id : `${id} on ${provider}`, folder)),
    ...urls.map(({ provider, key, file }) => `${provider} (${key} in ${file})`),
  ]
}

function at(words: string, folder: string): string {
  return folder === '' ? words : `${words} in ${folder}`
}
