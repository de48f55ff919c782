/** The first .env.agent.template of a repository, with the names and URL forms that its tools expect. Pure. */
import { posix } from 'node:path'
import { parseEnvStatements } from '../lib/env-text/syntax.ts'
import type { Answers } from './answers.ts'
import type { Detection } from '../detect/detect.ts'
import { portReference } from './env-lines.ts'
import { databaseLines } from './template-database.ts'

/** What the template depends on, of all that was detected. */
export type TemplateFacts = Pick<
  Detection,
  | 'frameworks'
  | 'orms'
  | 'packageManager'
  | 'databaseUrls'
  | 'databaseSettings'
  | 'railsDatabases'
  | 'compose'
  | 'portNames'
> & {
  /** Of what env files and compose files say (allotment.ts). */
  lines: readonly string[]
}

export function renderFirstTemplate(answers: Answers, facts: TemplateFacts, envFile = '.env.local'): string {
  return `${headerFor(envFile)}\n${templateLines(answers, facts).join('\n')}\n`
}

/** Those lines of the first template whose keys an existing one does not set. */
export function findMissingLines(existing: string, answers: Answers, facts: TemplateFacts): string[] {
  const keys = new Set(parseEnvStatements(existing.replace(/^\uFEFF/, '')).map(({ assignment }) => assignment?.key))
  return templateLines(answers, facts).filter((line) => !keys.has(keyOf(line)))
}

const headerFor = (
  envFile: string,
): string => `# Becomes the ${envFile} of every worktree that agent-isolate sets up, and the
# environment of the shells in it. Known, as $NAME, \${NAME} or \${NAME:-default}:
#   AGENT_DYNAMIC_PORT  AGENT_PORT_<NAME>  AGENT_COMPOSE_PROJECT
#   AGENT_DATABASE_URL  AGENT_TEST_DATABASE_URL  AGENT_SQLITE_PATH
#   AGENT_DB_HOST  DYNAMIC_DB_PORT  AGENT_DB_NAME
#   AGENT_DB_USER  AGENT_DB_PASSWORD
#   AGENT_NAME  AGENT_SLUG  AGENT_BRANCH  AGENT_WORKTREE  AGENT_MAIN
`

function templateLines(answers: Answers, facts: TemplateFacts): string[] {
  const lines = [
    'PORT=$AGENT_DYNAMIC_PORT',
    ...facts.frameworks.flatMap(({ portVariable, folder }) =>
      portVariable === undefined ? [] : [`${portVariable}=${portReference(facts.portNames.ofFolder.get(folder))}`],
    ),
    ...listNames(answers, facts).map((name) => `${name.toUpperCase()}_PORT=${portReference(name)}`),
    ...databaseLines(answers, facts),
    ...facts.lines,
  ]
  return lines.filter((line, index) => lines.findIndex((each) => keyOf(each) === keyOf(line)) === index)
}

/** Those that somebody asks for, and those of servers that compose could start as well. */
function listNames({ portNames }: Pick<Answers, 'portNames'>, facts: TemplateFacts): string[] {
  const ofServices = Object.values(facts.portNames.compose).length === 0 ? [] : [...facts.portNames.ofFolder.values()]
  const known = new Set(facts.portNames.names)
  return [...new Set([...portNames, ...ofServices.filter((name) => name !== 'app' && !known.has(name))])]
}

function keyOf(line: string): string {
  return line.slice(0, line.indexOf('='))
}

/** What is still to be done by hand so that frameworks take their port: one paragraph each. */
export function adviseOnPorts({ frameworks }: Pick<Detection, 'frameworks'>, templateName: string): string[] {
  return frameworks.flatMap(({ title, folder, portAdvice }) => {
    if (portAdvice === undefined || portAdvice.file === templateName) return []
    const where = folder === '' ? title : `${title} in ${posix.normalize(folder)}`
    return [`${where} does not take PORT by itself. In ${portAdvice.file}:\n  ${portAdvice.line}`]
  })
}
