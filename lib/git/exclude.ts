/**
 * Keeps what we put into worktrees out of `git status` where the repository's own ignore rules do not: in
 * $GIT_COMMON_DIR/info/exclude, which all worktrees share and which is never committed.
 */
import { existsSync, mkdirSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gitFailure, questionLimit, tryGit, type GitPlace } from './git.ts'
import { requireReadableRules } from './ignore-rules.ts'
import { sweepUnfinished, unfinishedPath } from '../state/unfinished-file.ts'
import { withRepositoryLock, type Waiting } from './worktree.ts'
import { readIfAny } from '../files/read-if-any.ts'

const begin = '# agent-isolate: begin (removed with the last isolated worktree)'
const end = '# agent-isolate: end'

/**
 * Those of `paths` (relative; folders end in `/`) that git does not ignore in the checkout, or only because our block says so:
 * whose worktree the block was made for is forgotten when that one goes. One git process.
 */
export async function findNotIgnored(checkout: GitPlace, paths: readonly string[]): Promise<string[]> {
  if (paths.length === 0) return []
  if (checkout.workTree !== undefined) requireReadableRules(checkout.workTree)
  const args = ['check-ignore', '-z', '--verbose', '--stdin']
  const outcome = await tryGit(checkout, args, {
    ...questionLimit(),
    input: paths.map((path) => `${path}\0`).join(''),
  })
  // 1: none of them is ignored.
  if (outcome.code !== 0 && outcome.code !== 1) throw gitFailure(checkout, args, outcome)
  const ignored = new Set<string>()
  const fields = outcome.stdout.split('\0')
  for (let at = 0; at + 3 < fields.length; at += 4) {
    const [source = '', , pattern = '', path = ''] = fields.slice(at, at + 4)
    const isOurs = source.endsWith('info/exclude') && pattern === patternFor(path)
    // With --verbose git also names a rule that says "not ignored".
    if (!isOurs && !pattern.startsWith('!')) ignored.add(path)
  }
  return paths.filter((path) => !ignored.has(path))
}

function patternFor(path: string): string {
  return `/${path.replace(/\/$/, '').replace(/[\\*?[\] !#]/g, '\\$&')}`
}

export async function excludePaths(commonDir: string, paths: readonly string[], waiting?: Waiting): Promise<void> {
  const lines = paths.map(patternFor)
  await withRepositoryLock(
    commonDir,
    async () => changeExclude(commonDir, (content) => addLines(content, lines)),
    waiting,
  )
}

/** Takes our lines away unless `isStillNeeded` says, under the repository's lock, that another worktree has some. */
export async function withdrawExclude(
  commonDir: string,
  isStillNeeded: () => boolean,
  waiting?: Waiting,
): Promise<void> {
  const withdraw = async (): Promise<void> => {
    if (!isStillNeeded()) changeExclude(commonDir, removeBlock)
  }
  await withRepositoryLock(commonDir, withdraw, waiting)
}

/** Adds lines to our block, making it at the end where there is none. Pure. */
export function addLines(content: string, lines: readonly string[]): string {
  const block = findBlock(content)
  const missing = lines.filter((line) => !block?.lines.includes(line))
  if (missing.length === 0) return content
  if (block !== undefined) {
    return `${content.slice(0, block.start)}${[begin, ...block.lines, ...missing, end].join('\n')}${content.slice(block.stop)}`
  }
  const gap = content === '' || content.endsWith('\n') ? '' : '\n'
  return `${content}${gap}${[begin, ...missing, end].join('\n')}\n`
}

/** What was there before our block. Pure. */
export function removeBlock(content: string): string {
  const block = findBlock(content)
  return block === undefined ? content : content.slice(0, block.start) + content.slice(block.stop).replace(/^\n/, '')
}

function findBlock(content: string): { start: number; stop: number; lines: string[] } | undefined {
  const start = content.indexOf(begin)
  const stop = content.indexOf(end, start)
  if (start < 0 || stop < 0) return undefined
  const lines = content.slice(start + begin.length, stop).split('\n')
  return { start, stop: stop + end.length, lines: lines.filter((line) => line !== '') }
}

function changeExclude(commonDir: string, change: (content: string) => string): void {
  const named = join(commonDir, 'info', 'exclude')
  // It may be a link to a file that the user keeps elsewhere.
  const path = existsSync(named) ? realpathSync(named) : named
  sweepUnfinished(dirname(path))
  const content = readIfAny(path) ?? ''
  const changed = change(content)
  if (changed === content) return
  if (changed === '') return rmSync(path, { force: true })
  mkdirSync(dirname(path), { recursive: true })
  const finished = unfinishedPath(path)
  writeFileSync(finished, changed, { flag: 'w' })
  renameSync(finished, path)
}
