/** Ports that no worktree could change: in code, in compose files, in env files, and where a framework does not ask for PORT. */
import { serverScheme } from '../detect/database.ts'
import { parseEnvStatements } from '../lib/env-text/syntax.ts'
import { composePorts } from './compose-ports.ts'
import { findVariable } from './compose-variable.ts'
import { collision, isForDevelopment } from './port-collision.ts'
import { loopbackPort, variableFor, type NameOf } from './port-hit.ts'
import type { Check, Context, Finding } from './check.ts'
import { templateKeys } from './template-keys.ts'
import { findFixedPorts } from './port-rules.ts'

export const portsCheck: Check = {
  id: 'ports',
  title: 'Ports written into the code',
  run(context) {
    const found = [...codePorts(context), ...composePorts(context), ...envPorts(context)]
    return found.length > 0 ? found : [{ id: 'ports.ok', severity: 'ok', message: 'no port is written into the code' }]
  },
}

export const frameworksCheck: Check = {
  id: 'frameworks',
  title: 'Frameworks',
  run({ detection, template, project }) {
    const unaware = detection.frameworks.flatMap(({ title, portAdvice }): Finding[] => {
      if (portAdvice === undefined) return []
      const { file, line } = portAdvice
      const message = `${title} does not take its port from PORT`
      const why = 'Its server listens on the same port in every worktree.'
      return [{ id: 'frameworks.port', severity: 'error', message, why, fix: `in ${file}: ${line}`, file }]
    })
    const skipping = detection.frameworks.find(({ loadsEnvLocal }) => loadsEnvLocal === 'outside-tests')
    const setsTest = /^\s*(?:export\s+)?NODE_ENV=["']?test\b/m.test(template ?? '')
    // The engine keeps it out of what it exports; other tools load the file themselves.
    const skipped: Finding[] =
      skipping === undefined || !setsTest
        ? []
        : [
            {
              id: 'frameworks.env-file',
              severity: 'warning',
              message: `${skipping.title} does not read .env.local where NODE_ENV is "test"`,
              why: 'The worktree’s port and database are not seen.',
              fix: `take NODE_ENV out of ${project.config.environment.template}`,
              file: project.config.environment.template,
            },
          ]
    const found = [...unaware, ...skipped]
    const names = [...new Set(detection.frameworks.map(({ title }) => title))].join(', ')
    return found.length > 0
      ? found
      : [{ id: 'frameworks.ok', severity: 'ok', message: names === '' ? 'no framework that is known' : names }]
  },
}

function codePorts(context: Context): Finding[] {
  const found = context.sources
    .map((source) => ({ source, hits: findFixedPorts(source) }))
    .filter(({ hits }) => hits.length > 0)
  const nameOf = chooseNames(found.flatMap(({ hits }) => hits.map(({ port }) => port)))
  const set = templateKeys(context)
  const template = context.project.config.environment.template
  return found.flatMap(({ source }) =>
    findFixedPorts(source, nameOf).map(({ rule, severity, line, port, fix }) => {
      const name = nameOf(port)
      const isNew = name.startsWith('PORT_') && !set.has(name)
      const more = isNew ? `\nand in ${template}: ${name}=$AGENT_${name}` : ''
      const what = { id: `ports.${rule}`, severity, message: `port ${port} is fixed`, why: collision }
      return { ...what, fix: fix + more, file: source.path, line }
    }),
  )
}

/** PORT is the port that is met most often, the first of several; another server needs a variable of its own. Pure. */
export function chooseNames(ports: readonly number[]): NameOf {
  const counts = new Map<number, number>()
  for (const port of ports) if (variableFor(port) === 'PORT') counts.set(port, (counts.get(port) ?? 0) + 1)
  const [main] = [...counts].toSorted(([, a], [, b]) => b - a)[0] ?? []
  return (port) => (variableFor(port) === 'PORT' && port !== main ? `PORT_${port}` : variableFor(port))
}

/** `PORT=3000` is no fault there: what is exported wins. An address is one, unless the template sets its key. */
function envPorts(context: Context): Finding[] {
  const { sources, template, project, detection } = context
  const set = templateKeys(context)
  const name = project.config.environment.template
  const inFiles = sources
    .filter(({ path, kind }) => kind === 'env' && isForDevelopment(path))
    .flatMap(({ path, lines }) =>
      addressesOf(lines.join('\n'))
        .filter(({ key }) => !set.has(key))
        .map(({ key, line, port, value }): Finding => ({
          id: 'ports.env-file',
          severity: 'warning',
          message: `${key} leads to port ${port} from every worktree`,
          why: collision,
          fix: `in ${name}: ${key}=${value.replace(`:${port}`, () => `:${findVariable(detection.compose, project.config.compose.ports, port)?.value ?? '$AGENT_DYNAMIC_PORT'}`)}`,
          file: path,
          line,
        })),
    )
  const inTemplate = parseEnvStatements(template ?? '').flatMap(({ assignment, line }): Finding[] => {
    const { key = '', body = '' } = assignment ?? {}
    const isFixed = /(?:^|_)PORT$/.test(key) && /^\d+$/.test(body)
    const port = isFixed ? Number(body) : isDatabaseUrl(body) ? undefined : loopbackPort(body)
    if (port === undefined) return []
    const fix = `${key}=${isFixed ? '$AGENT_DYNAMIC_PORT' : body.replace(`:${port}`, ':$AGENT_DYNAMIC_PORT')}`
    const message = `${key} is ${port} in every worktree`
    return [{ id: 'ports.template', severity: 'error', message, why: collision, fix, file: name, line }]
  })
  return [...inFiles, ...inTemplate]
}

function addressesOf(text: string): { key: string; line: number; port: number; value: string }[] {
  return parseEnvStatements(text).flatMap(({ assignment, line }) => {
    const port = assignment === undefined || isDatabaseUrl(assignment.body) ? undefined : loopbackPort(assignment.body)
    return assignment === undefined || port === undefined
      ? []
      : [{ key: assignment.key, line, port, value: assignment.body }]
  })
}

function isDatabaseUrl(value: string): boolean {
  return new RegExp(`^${serverScheme}://`, 'i').test(value)
}
