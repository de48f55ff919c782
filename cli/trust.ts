/** agent-isolate trust */
import { join, relative } from 'node:path'
import { listTrustedDatabase } from '../init/trusted-database.ts'
import { configFileName } from '../lib/project/config.ts'
import { loadProject, type Project } from '../lib/project/project.ts'
import { listSeedFiles } from '../lib/project/seed.ts'
import { distrust, trust } from '../lib/project/trust.ts'
import { hideSecrets } from '../lib/report/hide-secrets.ts'
import { visible } from '../lib/report/visible-text.ts'
import type { Command } from './command.ts'

const help = `agent-isolate trust [--revoke] [--json] [-C DIR]

Lets what this repository brings along run on this machine: the "setup" and
"teardown" commands of its agent-isolate.json, a database seed in SQL or as a command,
the image and arguments of a database container, the URLs of database and other
servers, any variable of its environment template in shells, and its packages:
dependency installs may run their scripts, and a database driver among them may be
loaded. Prints what is trusted.
Running this is the consent; nothing is asked. It holds for these files as they are
now, and for this clone: after a change they wait for it to be given again. Without it
worktrees are made all the same, and all of this is left out.

  --revoke             end it
  --json               { trusted, file, template, setup, teardown, sqlSeed,
                         database: [{ what, text }] }
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
    // Before the consent counts: what cannot be shown is not trusted.
    const text = describeTrust(project)
    await trust(project.trustee)
    return { text, json: trustJson(project, true) }
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
    sqlSeed: findSqlSeed(project),
    database: listTrustedDatabase(project.config.database),
  }
}

function describeTrust(project: Project): string {
  const { setup, teardown } = project.config
  const file = findFile(project)
  const template = findTemplate(project)
  return [
    `trusted: ${project.repository.root}`,
    file === undefined ? `  it has no ${configFileName}` : `  as ${file} is now`,
    ...describeCommands('setup', setup),
    ...describeCommands('teardown', teardown),
    ...(template === undefined ? [] : ['  environment template, exported to shells:', `    ${visible(template)}`]),
    ...Object.entries(project.config.environment.files).flatMap(([inner, own]) => [
      `  ${visible(inner)}, exported to shells in its folder:`,
      `    ${visible(typeof own === 'string' ? own : JSON.stringify(own))}`,
    ]),
    ...describeDatabase(project),
    ...describeServices(project),
    ...(Object.keys(project.config.compose.ports).length === 0 ? [] : ['  its compose files, which compose reads']),
    '  its packages: installs may run their scripts, and a database driver may be loaded',
  ].join('\n')
}

/** Of seeds in a folder every file is told: these are what is run. */
function describeDatabase(project: Project): string[] {
  return listTrustedDatabase(project.config.database).flatMap(({ what, text }) => {
    if (what !== 'database seed') return [`  ${what}:`, `    ${visible(text)}`]
    const files = listFiles(project, text).map((path) => `      ${visible(path)}`)
    return ['  database seed, SQL that is run:', `    ${visible(text)}`, ...files]
  })
}

function describeServices({ config: { services } }: Project): string[] {
  const urls = Object.entries(services).flatMap(([name, { url }]) => {
    return url === '' ? [] : [`    ${visible(`${name}: ${hideSecrets(url, { keeps: 'references' })}`)}`]
  })
  return urls.length === 0 ? [] : ['  shared servers:', ...urls]
}

/** Empty for a seed that is a file itself. Throws `IsolateError` for one that is not there. */
function listFiles({ repository, config: { database } }: Project, seed: string): string[] {
  if (database.provider !== 'postgres-docker') return []
  const folder = repository.source ?? repository.root
  const files = listSeedFiles(folder, seed).map((path) => relative(folder, path))
  return files.length === 1 && files[0] === seed ? [] : files
}

/** Of SQLite: the seed that is a script. */
function findSqlSeed({ config: { database } }: Project): string | null {
  if (database.provider !== 'sqlite') return null
  return listTrustedDatabase(database)[0]?.text ?? null
}

/** What is shown is what will run: nothing in a command can hide from the eye. */
function describeCommands(list: string, commands: readonly string[]): string[] {
  if (commands.length === 0) return [`  ${list}: no commands`]
  return [`  ${list}:`, ...commands.map((each) => `    ${visible(each)}`)]
}

function describeRevocation({ repository }: Project, existed: boolean): string {
  return existed ? `no longer trusted: ${repository.root}` : `was not trusted: ${repository.root}`
}

function findFile({ repository, trustee }: Project): string | undefined {
  return trustee.texts[0] === '' ? undefined : join(repository.source ?? repository.root, configFileName)
}

function findTemplate({ repository, config, template }: Project): string | undefined {
  return template === undefined ? undefined : join(repository.source ?? repository.root, config.environment.template)
}
