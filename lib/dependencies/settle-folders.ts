/**
 * Replaces folders of links by clones: each clone is made aside, and takes the place of the links in one go, provided that
 * nobody has changed either side in the meantime.
 */
import { mkdirSync, lstatSync, readdirSync, realpathSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { leadsInside } from '../files/inner-path.ts'
import { errorCode, IsolateError } from '../report/isolate-error.ts'
import { withLockIfFree } from '../state/lock.ts'
import { cloneFolder, isGenerated } from './clone-folder.ts'
import { digestLinkFolder } from './links.ts'
import {
  loadSettleRequest,
  removeSettleRequest,
  settleLockName,
  type LinkedFolder,
  type SettleRequest,
} from './settle-request.ts'
import { createStaging, removeStaging, sweepStaging } from './staging.ts'

/** An install in the main checkout changes what is being cloned: so often is it tried, with this pause in ms. */
const attempts = 5
const pauseMs = 3_000

/**
 * Does what the worktree's settle request asks for; nothing when another process is at it. The request goes when the work
 * is done; after a failure it stays, so that the next creation or session tries again.
 */
export async function settleFolders(gitFolder: string, signal: AbortSignal): Promise<void> {
  await withLockIfFree(settleLockName(gitFolder), async () => {
    const request = loadSettleRequest(gitFolder)
    if (request === undefined) return
    const place = { gitFolder, target: request.worktree }
    sweepStaging(place)
    for (const linked of request.folders) {
      const staging = createStaging(place)
      try {
        await settleFolder(request, linked, staging, signal)
      } finally {
        removeStaging(staging)
      }
    }
    removeSettleRequest(gitFolder)
  })
}

async function settleFolder(
  request: SettleRequest,
  linked: LinkedFolder,
  staging: string,
  signal: AbortSignal,
): Promise<void> {
  const { source, worktree } = request
  const from = realpathSync(join(source, linked.folder))
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const work = join(staging, String(attempt))
    mkdirSync(work)
    const before = describeState(from)
    const to = join(work, 'whole')
    const isWhole = await tryClone({ kind: 'node_modules', source, worktree, from, to, folder: linked.folder, signal })
    signal.throwIfAborted()
    if (isWhole && before === describeState(from)) return takePlace(worktree, linked, work)
    removeStaging(work)
    await sleep(pauseMs, undefined, { signal })
  }
  throw new IsolateError(`${from} kept changing while it was being copied, so ${linked.folder} stays a folder of links`)
}

/** False when what was to be cloned vanished on the way. */
async function tryClone(options: Parameters<typeof cloneFolder>[0]): Promise<boolean> {
  try {
    await cloneFolder(options)
    return true
  } catch (error) {
    if (errorCode(error) === 'ENOENT' && lstatSync(options.to, { throwIfNoEntry: false }) !== undefined) return false
    throw error
  }
}

/** Changes with every install: the folder's own time, and those of the records that package managers keep in it. */
function describeState(folder: string): string {
  const records = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() || entry.name === '.pnpm')
    .map(({ name }) => `${name} ${statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs}`)
  return [statSync(folder).mtimeMs, ...records].join('\n')
}

/**
 * Two renames, back to back and not to be interrupted by a signal handler. What tools have generated in the worktree
 * since moves over. Leaves all as it is when the folder is no longer the one that was made: somebody has installed there.
 */
function takePlace(worktree: string, linked: LinkedFolder, work: string): void {
  const folder = join(worktree, linked.folder)
  if (!leadsInside(worktree, linked.folder) || digestLinkFolder(folder) !== linked.digest) return
  const [links, whole] = [join(work, 'links'), join(work, 'whole')]
  renameSync(folder, links)
  try {
    renameSync(whole, folder)
  } catch (error) {
    renameSync(links, folder)
    throw error
  }
  for (const entry of readdirSync(links, { withFileTypes: true })) {
    if (entry.isDirectory() && isGenerated(entry.name)) moveOver(links, folder, entry.name, join(work, entry.name))
  }
}

function moveOver(from: string, to: string, name: string, aside: string): void {
  if (lstatSync(join(to, name), { throwIfNoEntry: false }) !== undefined) renameSync(join(to, name), aside)
  renameSync(join(from, name), join(to, name))
}
