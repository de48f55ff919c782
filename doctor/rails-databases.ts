/** Databases that a Rails application's config/database.yml fixes on a server. Read line by line, since ERB is no YAML. Pure. */

/** As in database-rules.ts. */
type Hit = { line: number; target: string; isFile: false; fix: string }

type Entry = { environment: string; line: number; name: string }

/** Rails' own variable, which takes the place of what development says, and the one that init gives tests. */
const variables: Readonly<Record<string, string>> = { development: 'DATABASE_URL', test: 'TEST_DATABASE_URL' }

/** Of development and test. One that ERB or a `url` decides is none, nor is development's where DATABASE_URL is `set`. */
export function findRailsDatabases(code: readonly string[], set: ReadonlySet<string>): Hit[] {
  if (!code.some((line) => /^\s*adapter:\s*["']?(?:postgresql|postgis|mysql2|trilogy|sqlserver)\b/.test(line)))
    return []
  return entriesOf(code).flatMap(({ environment, line, name }) => {
    const variable = variables[environment]
    if (variable === undefined || (environment === 'development' && set.has(variable))) return []
    const fix = `under "${environment}:" of config/database.yml: url: <%= ENV["${variable}"] %>`
    return [{ line, target: name, isFile: false as const, fix }]
  })
}

function entriesOf(code: readonly string[]): Entry[] {
  let environment = ''
  const entries: Entry[] = []
  const withUrl = new Set<string>()
  for (const [index, line] of code.entries()) {
    environment = /^(\w+):/.exec(line)?.[1] ?? environment
    if (/^\s+url:/.test(line)) withUrl.add(environment)
    const name = /^\s+database:\s*["']?([\w-]+)["']?\s*$/.exec(line)?.[1]
    if (name !== undefined) entries.push({ environment, line: index + 1, name })
  }
  return entries.filter((entry) => !withUrl.has(entry.environment))
}
