/** The servers of a repository's own that are started on this machine: where each is, and on which port by its own files. */
import { posix } from 'node:path'
import type { EnvValue } from './env-values.ts'
import type { Framework, FrameworkId } from './framework.ts'
import type { Manifest } from './packages.ts'
import type { ReadFile } from './repository-files.ts'

/** `ports`: those that it may listen on, the most certain first; [] where nothing says. */
export type Server = { folder: string; ports: readonly number[] }

/** What each listens on where nothing else is said. */
const defaultPorts: Readonly<Partial<Record<FrameworkId, number>>> = {
  next: 3000,
  nuxt: 3000,
  rails: 3000,
  vite: 5173,
  astro: 4321,
  flask: 5000,
  django: 8000,
  uvicorn: 8000,
}

export type ServerFacts = {
  frameworks: readonly Framework[]
  manifests: readonly Manifest[]
  envValues: readonly EnvValue[]
}

/** The one that people look at first. */
export function detectServers(files: readonly string[], facts: ServerFacts, read: ReadFile): Server[] {
  const { frameworks, manifests, envValues } = facts
  const ofEnv = envValues.filter(({ key, isSample, scheme }) => key === 'PORT' && scheme === undefined && !isSample)
  const started = manifests.filter(({ scripts }) => scriptPorts(scripts).length > 0)
  const folders = [...frameworks, ...started, ...ofEnv].map(({ folder }) => folder)
  return [...new Set(folders)]
    .toSorted((a, b) => rankOf(a) - rankOf(b))
    .map((folder) => {
      const scripts = manifests.find((each) => each.folder === folder)?.scripts ?? {}
      const said = [
        ...ofEnv.filter((each) => each.folder === folder).flatMap((each) => each.ports),
        ...scriptPorts(scripts),
        ...codePorts(files, folder, read),
      ]
      const usual = frameworks.flatMap((each) => (each.folder === folder ? (defaultPorts[each.id] ?? []) : []))
      return { folder, ports: [...new Set(said.length > 0 ? said : usual)] }
    })
}

function rankOf(folder: string): number {
  if (folder === '') return 0
  return /^(?:web|www|site|frontend|client|app|next\w*)$/.test(posix.basename(folder)) ? 1 : 2
}

/** `next dev -p 3001`, `vite --port=5173`, `PORT=4000 node .`; of a preview or a tool beside the server nothing. */
function scriptPorts(scripts: Readonly<Record<string, string>>): number[] {
  return Object.entries(scripts)
    .filter(([name]) => /^(?:dev|start|serve|develop)\b/.test(name))
    .flatMap(([, script]) => [...script.matchAll(/(?:\s(?:-p|--port)[ =]|\bPORT=)(\d{4,5})\b/g)])
    .map(([, port]) => Number(port))
}

/** Where a program starts, and a bundler's configuration. */
const entryFile =
  /^(?:src\/)?(?:(?:index|main|server|app)\.(?:[cm]?[jt]s|py|rs|go)|(?:vite|astro|nuxt)\.config\.[cm]?[jt]s)$/
const codePort =
  /(?:\blisten\(\s*(?:\{\s*port\s*:\s*)?|\bport\s*[:=(]\s*)(?:[^\d\n,;]*(?:\|\||\?\?|,)\s*)?["'`]?(\d{4,5})\b|(?:bind\(|ListenAndServe\(|TcpListener\S*\()["'][\w.]*:(\d{4,5})["']/gi

function codePorts(files: readonly string[], folder: string, read: ReadFile): number[] {
  const start = folder === '' ? '' : `${folder}/`
  const entries = files.filter((path) => path.startsWith(start) && entryFile.test(path.slice(start.length)))
  return entries.flatMap((path) =>
    [...(read(path) ?? '').matchAll(codePort)].map(([, first, second]) => Number(first ?? second)),
  )
}
