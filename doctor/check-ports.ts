/** Ports that no worktree could change: in code, in compose files, in env files, and where a framework does not ask for PORT. */
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

/** Those of code and settings, as the template has them named. */
export function findFixedPorts(context: Context): RepositoryPorts {
  const { project, sources, detection, template } = context
  const { remap, names } = project.config.ports
  return findPorts(sources, detection.manifests, { remap, names, template }, templateKeys(context))
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
