/** Frameworks whose development server does not ask for PORT; what stands in a line of its files is the ports' check's to name. */
import type { Framework, PortAdvice } from '../detect/framework.ts'
import type { RepositoryPorts } from '../detect/source/repository-ports.ts'
import type { Check, Context, Finding } from './check.ts'
import { findFixedPorts } from './check-ports.ts'

export const frameworksCheck: Check = {
  id: 'frameworks',
  title: 'Frameworks',
  run(context) {
    const { detection } = context
    const advised = detection.frameworks.filter(({ portAdvice }) => portAdvice !== undefined)
    const hits = advised.length === 0 ? [] : findFixedPorts(context).hits
    const unaware = advised.flatMap((framework): Finding[] => {
      const { title, portAdvice } = framework
      if (portAdvice === undefined || hits.some((hit) => isItsPort(hit, framework, context))) return []
      const message = `${title} does not take its port from PORT`
      const why = 'Its server listens on the same port in every worktree.'
      return [{ id: 'frameworks.port', severity: 'error', message, why, ...advisePort(portAdvice, context) }]
    })
    const names = [...new Set(detection.frameworks.map(({ title }) => title))].join(', ')
    return unaware.length > 0
      ? unaware
      : [{ id: 'frameworks.ok', severity: 'ok', message: names === '' ? 'no framework that is known' : names }]
  },
}

/** Whether the line with the fixed port is the one that the advice is about: then it is said there, with what to write. */
function isItsPort(
  { path, hit }: RepositoryPorts['hits'][number],
  { id, portAdvice }: Framework,
  { sources }: Context,
): boolean {
  if (path !== portAdvice?.file || hit.severity !== 'error') return false
  const code = sources.find((source) => source.path === path)?.code ?? []
  const line = code[hit.line - 1] ?? ''
  if (id === 'django') return /\brunserver\b/.test(line)
  const before = [...code.slice(0, hit.line - 1), line.slice(0, line.indexOf(String(hit.port)))].join('\n')
  return before.match(/\b(?:server|preview|hmr)(?=\s*:\s*\{)/g)?.at(-1) === 'server'
}

/** A file is named where it is there; else what to make of the line. */
function advisePort({ file, line }: PortAdvice, { detection, project }: Context): Pick<Finding, 'fix' | 'file'> {
  const { tracked, untracked } = detection.files
  const isThere = tracked.includes(file) || untracked.includes(file) || file === project.config.environment.template
  if (isThere) return { fix: `in ${file}: ${line}`, file }
  return {
    fix: file.endsWith('.md') ? `start it with: ${line}` : `make ${file}: export default { ${line.replace(/,$/, '')} }`,
  }
}
