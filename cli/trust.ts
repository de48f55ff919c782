/** agent-isolate trust */
import { extname, join } from 'node:path'
import { configFileName } from '../lib/config.ts'
import { loadProject, type Project } from '../lib/project.ts'
import { distrust, trust } from '../lib/trust.ts'
import type { Command } from './command.ts'
import { visible } from '../lib/visible-text.ts'

const help = `agent-isolate trust [--revoke] [--json] [-C DIR]

Lets what this repository brings along run on this machine: the "setup" and
"teardown" commands of its agent-isolate.json, a database seed in SQL, any variable of
its environment template in shells, and its packages: dependency installs may run
their scripts, and a database driver among them may be loaded. Prints what is trusted.
Running this is the consent; nothing is asked. It holds for these files as they are
now, and for this clone: after a change they wait for it to be given again. Without it
worktrees are made all the same, and all of this is left out.

  --revoke             take it back
  --json               { trusted, file, template, setup, teardown, sqlSeed }
  -C, --directory DIR  work as if started in DIR

Example:
  agent-isolate trust

Exit codes: 0 done, 1 failed (with --json {"error": {"message", "hint"}} on stdout),
2 wrong usage.`

export const command: Command = {
  syntax: { flags: ['json', 'revoke'] },
  help,
  async run({ flags }) {
    const project = await loadProject(process.cwd())
    if (flags.has('revoke')) {
      const existed = await distrust(project.repository.commonDir)
      return { text: describeRevocation(project, existed), json: trustJson(project, false) }
    }
    await trust(project.trustee)
    return { text: describeTrust(project), json: trustJson(project, true) }
  },
}

function trustJson(project: Project, trusted: boolean): unknown {
  const { setup, teardown } = project.config
  return {
    trusted,
    file: findFile(project) ?? null,
    template: findTemplate(project) ?? null,
    setup,
    teardown,
    sqlSeed: findSqlSeed(project) ?? null,
  }
}

function describeTrust(project: Project): string {
  const { setup, teardown } = project.config
  const file = findFile(project)
  const template = findTemplate(project)
  const sqlSeed = findSqlSeed(project)
  return [
    `trusted: ${project.repository.root}`,
    file === undefined ? `  it has no ${configFileName}` : `  as ${file} is now`,
    ...describeCommands('setup', setup),
    ...describeCommands('teardown', teardown),
    ...(template === undefined ? [] : ['  environment template, exported to shells:', `    ${visible(template)}`]),
    ...(sqlSeed === undefined ? [] : ['  database seed, SQL that is run:', `    ${visible(sqlSeed)}`]),
    '  its packages: installs may run their scripts, and a database driver may be loaded',
  ].join('\n')
}

/** What is shown is what will run: nothing in a command can hide from the eye. */
function describeCommands(list: string, commands: readonly string[]): string[] {
  if (commands.length === 0) return [`  ${list}: no commands`]
  return [`  ${list}:`, ...commands.map((each) => `    ${visible(each)}`)]
}

function describeRevocation({ repository }: Project, existed: boolean): string {
  return existed ? `no longer trusted: ${repository.root}` : `was not trusted: ${repository.root}`
}

/** SQL can write any file of the user's (ATTACH), so it is trusted as a command is. */
function findSqlSeed({ config: { database } }: Project): string | undefined {
  if (database.provider !== 'sqlite' || database.seed === undefined) return undefined
  return extname(database.seed) === '.sql' ? database.seed : undefined
}

function findFile({ repository, trustee }: Project): string | undefined {
  return trustee.texts[0] === '' ? undefined : join(repository.source ?? repository.root, configFileName)
}

function findTemplate({ repository, config, template }: Project): string | undefined {
  return template === undefined ? undefined : join(repository.source ?? repository.root, config.environment.template)
}
