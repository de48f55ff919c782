/** What matters first: errors, then what is touched by the command that starts the servers, tests last. */
import { findKind } from '../detect/source/file-kinds.ts'
import { isServerConfig } from '../detect/source/kinds/script.ts'
import { isTestFile } from '../detect/source/source-files.ts'
import type { Context, Finding } from './check.ts'

export function rankFindings(findings: readonly Finding[], { detection }: Pick<Context, 'detection'>): Finding[] {
  const started = detection.manifests.flatMap(({ scripts }) =>
    Object.entries(scripts)
      .filter(([name]) => /^(?:dev|start|serve|develop|watch|preview)/.test(name))
      .flatMap(([, script]) => script.match(/[\w./-]+\.\w+/g) ?? []),
  )
  const rank = ({ severity, file = '' }: Finding): number => {
    const isStarted =
      !isCode(file) || isServerConfig(file) || started.some((path) => file.endsWith(path.replace(/^\.\//, '')))
    return (severity === 'error' ? 0 : 4) + (isTestFile(file) && !isServerConfig(file) ? 2 : 0) + (isStarted ? 0 : 1)
  }
  return findings.toSorted((a, b) => rank(a) - rank(b))
}

/** Scripts, settings and compose files are what servers are started with; of code it is not known which part runs. */
function isCode(path: string): boolean {
  const kind = findKind(path)?.kind
  return kind !== undefined && !['package', 'command', 'compose', 'env', 'config', 'spring'].includes(kind)
}
