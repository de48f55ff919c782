/** Code that runs in a browser: there is no process.env in it, and variables that it may see have a prefix. Pure. */
import { posix } from 'node:path'
import type { Manifest } from '../packages.ts'

/** What builds for a browser, and how its code reads a variable; the first that a package depends on. */
const builders: readonly (readonly [dependency: string, read: string])[] = [
  ['next', 'process.env.NEXT_PUBLIC_'],
  ['expo', 'process.env.EXPO_PUBLIC_'],
  ['react-scripts', 'process.env.REACT_APP_'],
  ['astro', 'import.meta.env.PUBLIC_'],
  ['nuxt', 'import.meta.env.VITE_'],
  ['vite', 'import.meta.env.VITE_'],
]

const isServerFolder =
  /(?:^|\/)(?:server|api|scripts?|bin|tests?|e2e|cypress|__tests__|functions|worker|electron|prisma)\//
const isServerCode =
  /(?:from|require\()\s*["'](?:node:|(?:fs|http|https|path|net|express|fastify|koa|hono|ws|pg)["'])|^["']use server["']|\blisten\(/m

export type BrowserFacts = { path: string; text: string }

/**
 * `import.meta.env.VITE_` and the like; undefined for code of a server, a tool or a test. In Next.js what is no client component
 * may run on either side, and is the server's.
 */
export function browserPrefix({ path, text }: BrowserFacts, manifests: readonly Manifest[]): string | undefined {
  if (!/\.(?:[jt]sx?|mjs|vue|svelte|astro)$/.test(path)) return undefined
  const owner = manifests
    .filter(({ folder }) => folder === '' || path.startsWith(`${folder}/`))
    .toSorted((a, b) => b.folder.length - a.folder.length)[0]
  const [builder, read] = builders.find(([dependency]) => owner?.dependencies.has(dependency)) ?? []
  if (builder === undefined) return undefined
  const inner = path.slice(owner?.folder === '' ? 0 : (owner?.folder.length ?? 0) + 1)
  if (isServerFolder.test(inner) || isServerCode.test(text) || isTool(inner)) return undefined
  if (builder === 'next') return /^\s*["']use client["']/m.test(text) ? read : undefined
  return read
}

/** Configs and tests, which Node runs. */
function isTool(path: string): boolean {
  return /\.config\.\w+$|[._-](?:test|spec|cy)\.\w+$/.test(posix.basename(path))
}
