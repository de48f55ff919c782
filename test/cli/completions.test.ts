/** Tab completion, as the shells do it. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createThroughHook } from '../support/hook.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'

const program = join(import.meta.dirname, '../..', 'dist', 'cli', 'agent-isolate.js')

test('bash completes commands, options, operands and the names of worktrees', async (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('repo')
  await createThroughHook(sandbox, root, 'payments')
  const complete = (...words: string[]): string[] => completeInBash(sandbox, root, words)
  assert.deepEqual(complete('rem'), ['remove'])
  assert.deepEqual(complete('remove', ''), ['payments'])
  assert.deepEqual(complete('remove', '--dis'), ['--discard'])
  assert.deepEqual(complete('db', 're'), ['reset'])
  assert.deepEqual(complete('env', '--name', 'p'), ['payments'])
  assert.deepEqual(complete('create', ''), [])
})

test('each shell gets a script, another one an error that names them', (t) => {
  const sandbox = createSandbox(t)
  const root = sandbox.repository('repo')
  for (const shell of ['bash', 'zsh', 'fish'])
    assert.match(sandbox.cli(root, 'completions', shell), /agent-isolate complete --/)
  assert.throws(() => sandbox.cli(root, 'completions', 'tcsh'), /There are: bash, zsh, fish/)
})

/** What Tab would offer behind `agent-isolate` and these words. */
function completeInBash(sandbox: Sandbox, cwd: string, words: readonly string[]): string[] {
  const bin = sandbox.write('bin/agent-isolate', `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`)
  chmodSync(bin, 0o755)
  const script = `
    compopt() { :; }
    # As the package bash-completion has it.
    _get_comp_words_by_ref() { words=("\${COMP_WORDS[@]}") cword=$COMP_CWORD cur=\${COMP_WORDS[COMP_CWORD]}; }
    source <(agent-isolate completions bash)
    COMP_WORDS=(agent-isolate "$@") COMP_CWORD=$#
    COMP_LINE="\${COMP_WORDS[*]}" COMP_POINT=\${#COMP_LINE}
    function=$(complete -p agent-isolate | sed 's/.*-F \\([^ ]*\\).*/\\1/')
    "$function"
    printf '%s\\n' "\${COMPREPLY[@]}"`
  const env = { ...sandbox.env, PATH: `${join(sandbox.folder, 'bin')}:${sandbox.env['PATH']}` }
  const stdout = execFileSync('bash', ['--norc', '-c', script, 'bash', ...words], { cwd, env, encoding: 'utf8' })
  return stdout.split('\n').filter((line) => line !== '')
}
