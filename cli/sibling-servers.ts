/** Servers of other worktrees, or of the main checkout, at ports where this worktree's tests and code may look for their own. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { blankComments } from '../detect/source/blank-comments.ts'
import { isTestConfig } from '../detect/source/kinds/script.ts'
import { testTargetPorts } from '../detect/source/repository-ports.ts'
import { isWithin } from '../lib/files/inner-path.ts'
import { readRegularFile } from '../lib/files/read-if-any.ts'
import { gitIn } from '../lib/git/git.ts'
import { findRepository, requireRepository } from '../lib/git/repository.ts'
import type { Lease } from '../lib/ledger/lease.ts'
import { loadLedger } from '../lib/ledger/ledger.ts'
import { findListeners, type Listener } from '../lib/processes/listeners.ts'
import { configFileName } from '../lib/project/config.ts'
import { loadProjectOf } from '../lib/project/project.ts'
import { IsolateError } from '../lib/report/isolate-error.ts'
import { visible } from '../lib/report/visible-text.ts'
import { describeListener } from './port-listeners.ts'

/** Where a port is looked for, and what to do so that it is not. */
type Target = { port: number; where: string; cure: string }

/** Throws `IsolateError` for the first such server. `exported`: the environment that the command will have. */
export async function refuseSiblingServers(lease: Lease, exported: Readonly<Record<string, string>>): Promise<void> {
  const own = new Set(Object.values(lease.ports))
  const all = [...(await testTargets(lease, exported)), ...(await remapTargets(lease))]
  const targets = all.filter(({ port }) => !own.has(port))
  const listeners = await findListeners(targets.map(({ port }) => port))
  for (const { port, where, cure } of targets) {
    const listener = listeners.get(port)
    const sibling = listener === undefined ? undefined : await findSibling(listener, lease)
    if (listener === undefined || sibling === undefined) continue
    const what = describeListener({ ...listener, name: '', isStranger: false })
    throw new IsolateError(`port ${port}, ${where}, is served from ${sibling}: ${what}`, {
      hint: `What is started here would meet that code, not this worktree's. ${cure}, or end that server.`,
    })
  }
}

/** What the worktree's own configs of Playwright and Cypress say, with the environment taken into account. */
async function testTargets({ worktree }: Lease, exported: Readonly<Record<string, string>>): Promise<Target[]> {
  const listed = await gitIn(worktree, ['ls-files', '-z', '--', '*playwright*.config.*', '*cypress*.config.*'])
  const sources = listed
    .split('\0')
    .filter(isTestConfig)
    .flatMap((path) => {
      const text = readRegularFile(join(worktree, path))?.toString('utf8')
      return text === undefined ? [] : [{ path, code: blankComments(text, 'slashes').split(/\r?\n/) }]
    })
  return testTargetPorts(sources, exported).map(({ path, port }) => ({
    port,
    where: `where ${path} looks for the server`,
    cure: 'Have the config read PLAYWRIGHT_BASE_URL or CYPRESS_BASE_URL (agent-isolate doctor has the lines)',
  }))
}

async function remapTargets({ worktree }: Lease): Promise<Target[]> {
  const { config } = await loadProjectOf(await requireRepository(worktree))
  return Object.entries(config.ports.remap).map(([port, name]) => ({
    port: Number(port),
    where: `which is "${name}" in "ports.remap" of ${configFileName}`,
    cure: `Use this worktree's port "${name}" (agent-isolate list)`,
  }))
}

/** Undefined for a server of the worktree's own, and for one that is no checkout's or of an unknown folder. */
async function findSibling({ cwd }: Listener, lease: Lease): Promise<string | undefined> {
  if (cwd === undefined || statSync(cwd, { throwIfNoEntry: false }) === undefined) return undefined
  const around = loadLedger().leases.filter(({ worktree }) => isWithin(worktree, cwd))
  // The innermost, should one lie in another.
  const other = around.toSorted((a, b) => b.worktree.length - a.worktree.length)[0]
  if (other !== undefined) {
    return other.id === lease.id ? undefined : `the worktree ${visible(other.name)} (${visible(other.worktree)})`
  }
  const repository = await findRepository(cwd)
  if (repository?.checkout === undefined || repository.commonDir !== lease.commonDir) return undefined
  const isMain = repository.checkout === repository.root
  return `${isMain ? 'the main checkout' : 'a worktree without a lease'} (${visible(repository.checkout)})`
}
