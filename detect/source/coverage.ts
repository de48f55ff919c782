/** What was read of a repository, and what was not: counts by kind of file. */
import { posix } from 'node:path'

/** `kind`: an ending (`.ts`), or what such files are called (`Dockerfile`); most files first. */
export type KindCount = { kind: string; files: number }

export type Coverage = {
  read: readonly KindCount[]
  /** Code and settings of kinds that are not understood. Documentation, pictures, lockfiles, dependencies are not counted. */
  notRead: readonly KindCount[]
  /** Of kinds that are understood: too large, generated, or not to be read. */
  skipped: number
}

/** Endings of what says nothing to a program that starts a server. */
const isProse =
  /\.(?:mdx?|rst|adoc|txt|pdf|png|jpe?g|gif|svg|ico|webp|avif|bmp|woff2?|ttf|otf|eot|mp[34]|wav|webm|mov|zip|t?gz|tar|jar|wasm|map|lock|sum|snap|css|scss|sass|less|po|pot|mo|csv|tsv|log|db|sqlite3?|pem|crt|key|pub|patch|diff|license)$|(?:^|[/.-])(?:lock|package-lock|npm-shrinkwrap|pnpm-lock|composer\.lock)[\w.-]*$/i
const isProseName =
  /^(?:LICEN[CS]E|COPYING|NOTICE|README|CHANGELOG|AUTHORS|CODEOWNERS|\.(?:git|docker|prettier|eslint|npm)\w*(?:ignore|attributes|modules|keep)|\.\w+rc|\.editorconfig|\.nvmrc|\.[\w-]+-version|CNAME)$/i
const isSample = /^\.env(?:\.[\w-]+)*\.(?:example|sample|template|dist|vault|keys)$|^agent-isolate\.json$/

/** What came of one file. `left`: of no kind that is known; `skipped`: not written by a person, or not to be read. */
export type Outcome = { path: string; outcome: 'read' | 'left' | 'skipped'; title: string | undefined }

export function countCoverage(outcomes: readonly Outcome[]): Coverage {
  const read = new Map<string, number>()
  const left = new Map<string, number>()
  for (const { path, outcome, title } of outcomes) {
    if (outcome === 'read') add(read, title ?? labelOf(path))
    if (outcome === 'left' && !saysNothing(posix.basename(path))) add(left, labelOf(path))
  }
  const skipped = outcomes.filter(({ outcome }) => outcome === 'skipped').length
  return { read: sorted(read), notRead: sorted(left), skipped }
}

function saysNothing(name: string): boolean {
  return isProse.test(name) || isProseName.test(name) || isSample.test(name)
}

function add(counts: Map<string, number>, kind: string): void {
  counts.set(kind, (counts.get(kind) ?? 0) + 1)
}

function labelOf(path: string): string {
  return posix.extname(path) || posix.basename(path)
}

function sorted(counts: ReadonlyMap<string, number>): KindCount[] {
  return [...counts]
    .toSorted(([a, many], [b, more]) => more - many || (a < b ? -1 : 1))
    .map(([kind, files]) => ({ kind, files }))
}
