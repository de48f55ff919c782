/** What `docker compose up` may have started under a worktree's project name. */
import { existsSync } from 'node:fs'
import { basename, delimiter, join } from 'node:path'
import { currentEngine, isEngine, type Engine } from '../docker/engine.ts'
import { isText } from '../files/json.ts'
import { slugOf } from '../git/worktree-name.ts'
import { resourceOf, type Kind } from '../ledger/kind.ts'
import type { Lease } from '../ledger/lease.ts'
import type { Config } from '../project/config.ts'
import { IsolateError } from '../report/isolate-error.ts'
import { UnreachableError } from '../report/unreachable-error.ts'
import { findComposeFiles } from './files.ts'

/** `hasPorts`: it was given leased ones. */
export type ComposeResource = { kind: 'compose'; project: string; engine: Engine; hasPorts?: true }

export const composeKind: Kind<ComposeResource> = {
  kind: 'compose',
  where: 'elsewhere',
  is: (resource): resource is ComposeResource =>
    resource.kind === 'compose' && isText(resource['project']) && isEngine(resource['engine']),
  describe: ({ project }) => `the compose project ${project}`,
  async undo({ engine, project, hasPorts }, { reporter }) {
    const { removeComposeProject } = await import('./project.ts')
    try {
      await removeComposeProject(engine, project)
    } catch (error) {
      if (!(error instanceof IsolateError)) throw error
      // What compose cannot take down now may go later, and the worktree need not wait for it.
      if (!(error instanceof UnreachableError)) throw new UnreachableError(error.message, { cause: error })
      if (hasPorts) throw error
      // Most compose files are never brought up in a worktree: no reason to keep its ports for that.
      reporter.info(
        `no engine answers; if the compose project ${project} was ever up: docker compose -p ${project} down -v`,
      )
    }
  },
}

/** What is missing: nothing without a compose file, or a program that could start what would have to be found again. */
export function planCompose(lease: Lease, { compose }: Config): ComposeResource[] {
  if (resourceOf(lease, composeKind) !== undefined) return []
  if (findComposeFiles(lease.worktree).length === 0 || !hasDocker()) return []
  const resource: ComposeResource = { kind: 'compose', project: nameProject(lease), engine: currentEngine() }
  return [Object.keys(compose.ports).length > 0 ? { ...resource, hasPorts: true } : resource]
}

/** Distinct on any engine, and from that of a worktree which was at the same place before. It stays when the worktree moves. */
export function composeProject(lease: Lease): string {
  return resourceOf(lease, composeKind)?.project ?? nameProject(lease)
}

function nameProject({ root, name, id }: Lease): string {
  return `${slugOf(basename(root))}-${slugOf(name)}-${id.slice(0, 6)}`
}

function hasDocker(): boolean {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .some((folder) => folder !== '' && existsSync(join(folder, 'docker')))
}
