/** Files of rules, on what to ignore and on attributes, that git would wait at for ever: it opens them without a look (measured with 2.39). */
import { dirname, join } from 'node:path'
import { IsolateError } from '../report/isolate-error.ts'
import { findOddity } from '../files/read-if-any.ts'
import { findLinkedGitDir } from './linked-git-dir.ts'

/** "/path/.gitignore is a FIFO"; undefined when git can read what lies at the top. Those in folders are not looked for. */
export function findBlockingRules(checkout: string): string | undefined {
  const linked = findLinkedGitDir(checkout)
  const gitFolder = linked === undefined ? join(checkout, '.git') : dirname(dirname(linked))
  const own = ['.gitignore', '.gitattributes'].map((name) => join(checkout, name))
  const shared = ['exclude', 'attributes'].map((name) => join(gitFolder, 'info', name))
  for (const path of [...own, ...shared]) {
    const oddity = findOddity(path)
    // Of a folder git says so, and goes on.
    if (oddity !== undefined && oddity !== 'a folder') return `${path} is ${oddity}`
  }
  return undefined
}

/** Before git checks out, or is asked what it ignores. Throws `IsolateError` where it would never answer. */
export function requireReadableRules(checkout: string): void {
  const blocking = findBlockingRules(checkout)
  if (blocking === undefined) return
  throw new IsolateError(`${blocking}, at which git waits for ever`, { hint: 'Put a file in its place, or remove it.' })
}
