/** Which variables shells get everywhere in a worktree, and which only in the folder of one of its apps. Pure. */
import { posix } from 'node:path'
import { writePieces } from '../env-text/references.ts'
import type { EnvEntry } from '../env-text/template.ts'
import { isPortKey } from './own-values.ts'

/** `inner`: the env file that sets them. `isConfigured`: by "environment.files"; else it was carried over. */
export type AppEntries = { inner: string; entries: readonly EnvEntry[]; isConfigured: boolean }

/** `folder` relative, with `/`. */
export type AppEnvironment = { folder: string; entries: readonly EnvEntry[] }

/**
 * Nothing of `top` that shells get may win over an app's own file: a key that apps set to something else is not among what
 * is everywhere, unless one carried file alone does and it is no port: its database's URL then protects the others.
 */
export function planApps(
  top: readonly EnvEntry[],
  files: readonly AppEntries[],
): { everywhere: EnvEntry[]; apps: AppEnvironment[] } {
  const ofApps = files.filter(({ inner }) => posix.dirname(inner) !== '.')
  const isTaken = ({ key, pieces }: EnvEntry): boolean => {
    const others = ofApps.filter(({ entries }) => entries.some((entry) => entry.key === key && !isSame(entry, pieces)))
    return others.length > 1 || others.some(({ isConfigured }) => isConfigured || isPortKey(key))
  }
  const folders = [...new Set(ofApps.map(({ inner }) => posix.dirname(inner)))].toSorted((a, b) => a.length - b.length)
  const apps = folders.map((folder) => ({
    folder,
    entries: agreed(ofApps.filter(({ inner }) => posix.dirname(inner) === folder && !isOfOneMode(inner))),
  }))
  const everywhere = top.map((entry) => asInFile(entry, files)).filter((entry) => !isTaken(entry))
  return { everywhere, apps }
}

/** An app reads its file only where a shell says nothing: of an address it is to get the parameters and the driver all the same. */
function asInFile(entry: EnvEntry, files: readonly AppEntries[]): EnvEntry {
  const carried = files.filter(({ inner, isConfigured }) => !isConfigured && !isOfOneMode(inner))
  const found = carried.flatMap(({ entries }) => entries).filter((one) => one.key === entry.key)
  const [first] = found
  const isAgreed = found.every((one) => isSame(one, first?.pieces ?? []) && isSameAddress(textOf(one), textOf(entry)))
  return first !== undefined && isAgreed ? first : entry
}

/** `other` is a URL without parameters, and `one` leads there too. */
function isSameAddress(one: string, other: string): boolean {
  const [wanted, place] = [other, one.replace(/\?.*/s, '')].map((url) => /:\/\/(.+)$/s.exec(url)?.[1])
  return wanted !== undefined && wanted === place
}

/** What a shell in `inner` gets beside what is everywhere: an app's in its folder and below; the deeper one's last. */
export function entriesIn(apps: readonly AppEnvironment[], inner: string): EnvEntry[] {
  return apps.filter(({ folder }) => `${inner}/`.startsWith(`${folder}/`)).flatMap(({ entries }) => entries)
}

/** Two files of a folder that disagree are for the app's own loader to choose from. */
function agreed(files: readonly AppEntries[]): EnvEntry[] {
  const all = files.flatMap(({ entries }) => entries)
  const isFirst = (entry: EnvEntry, index: number): boolean => all.findIndex(({ key }) => key === entry.key) === index
  return all.filter(
    (entry, index) =>
      isFirst(entry, index) && all.every(({ key, pieces }) => key !== entry.key || isSame(entry, pieces)),
  )
}

/** `.env.test`, `.env.production.local`: read by tests or a build, not by what a shell starts. */
function isOfOneMode(inner: string): boolean {
  return /\.(?:test|testing|e2e|ci|production|prod|staging|preview)(?:\.|$)/i.test(posix.basename(inner))
}

function isSame(entry: EnvEntry, pieces: EnvEntry['pieces']): boolean {
  return textOf(entry) === textOf({ pieces })
}

function textOf({ pieces }: Pick<EnvEntry, 'pieces'>): string {
  return writePieces(pieces, (text) => text)
}
