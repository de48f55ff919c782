/** Ports that no worktree could change: in code, in compose files, in env files, and where a framework does not ask for PORT. */
import type { PortAdvice } from '../detect/framework.ts'
import { findInsidePorts } from '../detect/source/find-ports.ts'
import type { Hit } from '../detect/source/port-hit.ts'
import { findPorts, type RepositoryPorts } from '../detect/source/repository-ports.ts'
import type { Check, Context, Finding } from './check.ts'
import { composePorts } from './compose-ports.ts'
import { envPorts } from './env-ports.ts'
import { collision } from './port-collision.ts'
import { rankFindings } from './rank-findings.ts'
import { inTemplate, templateKeys } from './template-keys.ts'

export const portsCheck: Check = {
  id: 'ports',
  title: 'Ports written into the code',
  run(context) {
    const ports = findFixedPorts(context)
    const ofCode = ports.hits.map(({ path, hit }) => describeHit(path, hit, context))
    const found = [...ofCode, ...composePorts(context), ...envPorts(context, ports.nameOf)]
    const faults = rankFindings(found, context)
    return [...(faults.length > 0 ? faults : [nothingFound]), ...insidePorts(context)]
  },
}

export const frameworksCheck: Check = {
  id: 'frameworks',
  title: 'Frameworks',
  run(context) {
    const { detection } = context
    const advised = detection.frameworks.filter(({ portAdvice }) => portAdvice !== undefined)
    const fixed = advised.length === 0 ? [] : findFixedPorts(context).hits.filter(({ hit }) => hit.rule === 'listen')
    const unaware = advised.flatMap(({ title, portAdvice }): Finding[] => {
      // The line is known already.
      if (portAdvice === undefined || fixed.some(({ path }) => path === portAdvice.file)) return []
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

function findFixedPorts(context: Context): RepositoryPorts {
  const { project, sources, detection, template } = context
  const { remap, names } = project.config.ports
  return findPorts(sources, detection.manifests, { remap, names, template }, templateKeys(context))
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

const nothingFound: Finding = { id: 'ports.ok', severity: 'ok', message: 'no port is fixed in what was read' }

function describeHit(file: string, hit: Hit, context: Context): Finding {
  const { rule, severity, line, variable, setting } = hit
  const isSet = setting === undefined || templateKeys(context).has(variable)
  const fix = [hit.fix, ...(isSet ? [] : [(hit.fix === '' ? '' : 'and ') + inTemplate(context, setting)])]
  const why = rule === 'test-target' ? siblingTested : collision
  const text = fix.filter((each) => each !== '').join('\n')
  return { id: `ports.${rule}`, severity, message: describePort(hit), why, fix: text, file, line }
}

const siblingTested =
  'The tests run against whatever listens there: with reuseExistingServer, and in Cypress always, that may be the server of another worktree.'

function describePort({ rule, port, variable }: Hit): string {
  if (rule === 'unset') return `${variable} is set nowhere, so it is port ${port} in every worktree`
  if (rule === 'test-target') return `tests the server on port ${port}, whoever started it`
  return rule === 'address' ? `leads to port ${port} from every worktree` : `port ${port} is fixed`
}

/** For information. */
function insidePorts({ sources }: Context): Finding[] {
  const found = sources.flatMap((source) => {
    const ports = [...new Set(findInsidePorts(source))]
    return ports.length === 0 ? [] : [`${source.path} ${ports.join(', ')}`]
  })
  if (found.length === 0) return []
  const shown = found.slice(0, mostShown).join('; ')
  const more = found.length > mostShown ? `; and ${found.length - mostShown} more files` : ''
  return [
    { id: 'ports.inside', severity: 'ok', message: `ports inside containers, which are no clash: ${shown}${more}` },
  ]
}

const mostShown = 5
