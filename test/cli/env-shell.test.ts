/** What `agent-isolate env` prints, read by the shells it is for. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { test } from 'node:test'
import { renderFor, type Shell } from '../../cli/shell-text.ts'
import { runCli } from '../support/cli.ts'
import { createThroughHook } from '../support/hook.ts'
import { createSandbox } from '../support/sandbox.ts'

const hostile = {
  PORT: '20410',
  QUOTES: `it's "c" \`touch ran\` $(touch ran) (touch ran) $HOME ~ * {a,b} ;&|#!`,
  BACKSLASHES: `\\ \\\\ \\' \\n 'x\\' C:\\dir\\`,
  ENDS_IN_ONE: 'a\\',
  SEVERAL: 'one\ntwo\r\n\tthree\n',
  EMPTY: '',
  LIST: 'a:b',
  UMLAUT: 'ünï 🎉',
}
const readers: readonly (readonly [shell: Shell, program: string])[] = [
  ['sh', 'sh'],
  ['sh', 'bash'],
  ['sh', 'fish'],
  ['bash', 'bash'],
  ['zsh', 'zsh'],
  ['fish', 'fish'],
]

function skipWithout(program: string): string | false {
  const isThere = (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)))
  return isThere || process.env['CI'] !== undefined ? false : `there is no ${program} on this machine`
}

for (const [shell, program] of readers) {
  test(
    `${program} reads what is printed for ${shell} literally, and runs nothing`,
    { skip: skipWithout(program) },
    (t) => {
      const { write, folder, env } = createSandbox(t)
      const path = `/first dir:${env['PATH']}`
      const file = write('printed', renderFor(shell, { ...hostile, PATH: path, 'not.a-name': 'x' }))
      const print = 'process.stdout.write(JSON.stringify(process.env))'
      const script = `cat "${file}" | source; exec "${process.execPath}" -e '${print}'`
      const posix = `set -eu; . "${file}"; exec "${process.execPath}" -e '${print}'`
      const args = program === 'fish' ? ['--no-config', '-c', script] : ['-c', posix]
      const read = JSON.parse(execFileSync(program, args, { cwd: folder, env, encoding: 'utf8' }))
      const expected = { ...hostile, PATH: path }
      assert.deepEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, read[key]])), expected)
      assert.equal(existsSync(join(folder, 'ran')), false)
    },
  )
}

test('json has every name, and what is for nushell has PATH as the list that it is there', () => {
  const variables = { ...hostile, 'not.a-name': 'x', PATH: '/a:/b' }
  assert.deepEqual(JSON.parse(renderFor('json', variables)), variables)
  assert.deepEqual(JSON.parse(renderFor('nu', variables)), { ...hostile, PATH: ['/a', '/b'] })
})

test('env --shell is for one shell, plain env for fish too; another name is wrong usage', async (t) => {
  const sandbox = createSandbox(t)
  const worktree = await createThroughHook(sandbox, sandbox.repository('repo'), 'one')
  const [json, same, fish, wrong] = await Promise.all(
    [['--json'], ['--shell', 'json'], ['--shell', 'fish'], ['--shell', 'cmd']].map((args) =>
      runCli(sandbox, worktree, ['env', ...args]),
    ),
  )
  const { PORT } = JSON.parse(json?.stdout ?? '')
  assert.equal(same?.stdout, json?.stdout)
  assert.match(fish?.stdout ?? '', new RegExp(`^set -gx PORT '${PORT}'$`, 'm'))
  assert.equal(wrong?.code, 2)
  assert.match(wrong?.stderr ?? '', /--shell must be one of sh, bash, zsh, fish, nu, json/)
  if (skipWithout('fish') !== false) return
  const program = join(import.meta.dirname, '../..', 'dist', 'cli', 'agent-isolate.js')
  for (const option of ['', '--shell fish']) {
    const script = `"${process.execPath}" "${program}" env ${option} | source; echo $PORT`
    const options = { cwd: worktree, env: sandbox.env, encoding: 'utf8' } as const
    assert.equal(execFileSync('fish', ['--no-config', '-c', script], options), `${PORT}\n`)
  }
})

test(
  'with the line that doctor gives, direnv has the worktree’s values in it, and main’s in main',
  { skip: skipWithout('direnv') },
  (t) => {
    const sandbox = createSandbox(t)
    const line = 'if has agent-isolate; then eval "$(agent-isolate env 2>/dev/null)"; fi'
    const main = sandbox.repository('repo', { '.envrc': `export PORT=3000\n${line}\n` })
    sandbox.cli(main, 'create', 'one')
    const worktree = join(main, '.claude/worktrees/one')
    const program = join(import.meta.dirname, '../..', 'dist', 'cli', 'agent-isolate.js')
    const starter = sandbox.write('bin/agent-isolate', `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`)
    chmodSync(starter, 0o755)
    const env = { ...sandbox.env, PATH: `${join(sandbox.folder, 'bin')}:${sandbox.env['PATH']}` }
    const portIn = (cwd: string): string => {
      const options = { cwd, env, encoding: 'utf8', stdio: 'pipe' } as const
      execFileSync('direnv', ['allow', '.'], options)
      return execFileSync('direnv', ['exec', '.', 'sh', '-c', 'echo $PORT'], options).trim()
    }
    const { PORT } = JSON.parse(sandbox.cli(worktree, 'env', '--json'))
    assert.deepEqual([portIn(main), portIn(worktree)], ['3000', PORT])
  },
)
