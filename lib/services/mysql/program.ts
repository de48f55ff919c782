/** The client programs of MySQL or MariaDB, whichever the machine has: never through a shell, the password never an argument. */
import { childEnvironment, run, type Outcome, type RunOptions } from '../../processes/run.ts'
import type { Deadline } from '../../report/deadline.ts'
import { IsolateError } from '../../report/isolate-error.ts'
import { UnreachableError } from '../../report/unreachable-error.ts'
import { serverOf, type ServiceUrl } from '../service-url.ts'

const programs = { client: ['mysql', 'mariadb'], dump: ['mysqldump', 'mariadb-dump'] } as const

/** A copy of many gigabytes takes its time; in ms. */
const longestMs = 540_000

/** Runs SQL in no database, or, with `inputFile`, what is in it in the database `args` name. Returns the bare rows. Throws `IsolateError`. */
export async function runClient(
  url: ServiceUrl,
  deadline: Deadline,
  input: Pick<RunOptions, 'input' | 'inputFile'>,
  args: readonly string[] = [],
): Promise<string> {
  const plain = ['--batch', '--skip-column-names', '--connect-timeout=10', '--default-character-set=utf8mb4']
  return runProgram('client', url, deadline, [...plain, ...args], input)
}

/** Writes the content of a database into a file that is there, as of one moment. Throws `IsolateError`. */
export async function dumpInto(file: string, database: string, url: ServiceUrl, deadline: Deadline): Promise<void> {
  const args = ['--single-transaction', '--quick', '--routines', '--triggers', '--no-tablespaces']
  // Not every version knows it, and would be without it.
  const loose = ['--loose-set-gtid-purged=OFF']
  await runProgram('dump', url, deadline, [...args, ...loose, `--result-file=${file}`, '--', database], {})
}

async function runProgram(
  kind: keyof typeof programs,
  url: ServiceUrl,
  deadline: Deadline,
  args: readonly string[],
  input: Pick<RunOptions, 'input' | 'inputFile'>,
): Promise<string> {
  // The user's own settings are about other servers, and a password in them would win.
  const login = ['--no-defaults', '--protocol=tcp', `--host=${url.host}`, `--port=${url.port}`]
  const user = url.user === undefined ? [] : [`--user=${url.user}`]
  const env = childEnvironment(url.password === undefined ? {} : { MYSQL_PWD: url.password })
  for (const program of programs[kind]) {
    const options = { env, timeoutMs: deadline.remainingMs(longestMs), ...input }
    const outcome = await run(program, [...login, ...user, ...args], options)
    if (outcome.code === 0) return outcome.stdout.trimEnd()
    if (!outcome.isMissing) throw explain(program, outcome, url)
  }
  throw new UnreachableError(`there is no program ${programs[kind].join(' or ')} on PATH`, {
    hint: 'Install the client programs of MySQL or MariaDB (default-mysql-client).',
  })
}

/** What the server says; that nobody is there, or that the login is refused, may pass (dev.mysql.com, error reference). */
function explain(program: string, { stderr, timedOut, code, signal }: Outcome, url: ServiceUrl): IsolateError {
  const said =
    stderr
      .trim()
      .split('\n')
      .find((line) => /error/i.test(line)) ?? stderr.trim().split('\n').at(-1)
  const number = Number(/\b(?:ERROR|error:?) (\d{4})/i.exec(said ?? '')?.[1])
  const where = `the MySQL server ${serverOf(url)}`
  if (timedOut || [1040, 1045, 1698, 2002, 2003, 2005, 2006, 2013].includes(number)) {
    return new UnreachableError(`${where} cannot be used: ${timedOut ? 'it took too long' : said}`, {
      hint: 'Is it running, and are address, user and password right ("services" in agent-isolate.json)?',
    })
  }
  const user = url.user ?? ''
  const hint =
    number === 1044
      ? `Let the user have databases of ours, as an administrator: GRANT ALL ON \`agent\\_%\`.* TO '${user}'@'%';`
      : 'See what the program says.'
  return new IsolateError(`${where}: ${said || `${program} ended with ${code ?? signal}`}`, { hint })
}
