/** What a release is made of: the package for npm, and the plugin. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { buildProgram } from '../../build/program.ts'
import { applyCuts, type Cuts } from '../../init/cuts.ts'
import { setConfig } from '../../init/config-file.ts'
import { suggestAnswers } from '../../init/suggest-answers.ts'
import { detectRepository } from '../../detect/detect.ts'
import { createSandbox } from '../support/sandbox.ts'

const root = join(import.meta.dirname, '../..')

type Packed = { size: number; files: { path: string; mode: number }[] }

test('the package is under 600 kB, holds what init copies and reads, and not the plugin', (t) => {
  const sandbox = createSandbox(t)
  const env = { ...sandbox.env, npm_config_cache: join(sandbox.folder, 'npm-cache') }
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts']
  const [packed]: Packed[] = JSON.parse(execFileSync('npm', args, { cwd: root, env, encoding: 'utf8' }))
  assert.ok(packed !== undefined && packed.size < 600_000, `${packed?.size} bytes`)
  const paths = new Set(packed.files.map(({ path }) => path))
  const needed = ['dist/program/agent-isolate', 'dist/program/run', 'dist/cli/agent-isolate.js', 'dist/sources.json.br']
  for (const path of [...needed, 'README.md', 'LICENSE']) assert.ok(paths.has(path), path)
  assert.ok(![...paths].some((path) => path.startsWith('dist/plugin/')))
  const { exports }: { exports: Record<string, string> } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  for (const path of Object.values(exports)) assert.ok(paths.has(path.replace('./', '')), path)
})

test('the schema that agent-isolate.json names is a file of the package', async (t) => {
  const sandbox = createSandbox(t)
  const answers = suggestAnswers(await detectRepository(sandbox.repository('repo')), { hasDocker: false })
  const text = setConfig(undefined, 'agent-isolate.json', { ...answers, setup: ['make'] })
  const { $schema }: { $schema: string } = JSON.parse(text ?? '')
  const { name, exports }: { name: string; exports: Record<string, string> } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  )
  const path = $schema.replace(`https://unpkg.com/${name}/`, './')
  assert.equal(exports[path], path)
  assert.ok(statSync(join(root, path)).isFile())
})

test('the program is the same whenever it is built', async () => {
  const program = readFileSync(join(root, 'dist/program/agent-isolate'), 'utf8')
  const cuts: Cuts = JSON.parse(readFileSync(join(root, 'dist/program/without-servers.json'), 'utf8'))
  assert.equal(await buildProgram({ hasServers: true }), program)
  assert.equal(await buildProgram({ hasServers: false }), applyCuts(program, cuts))
})

test('the command line of the plugin needs no package, and can set up a repository by itself', (t) => {
  const sandbox = createSandbox(t)
  const plugin = join(sandbox.folder, 'plugin')
  cpSync(join(root, 'dist/plugin'), plugin, { recursive: true })
  const run = (cwd: string, ...args: string[]): string =>
    execFileSync(join(plugin, 'bin/agent-isolate'), args, { cwd, env: sandbox.env, encoding: 'utf8' })
  const { version }: { version: string } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  assert.equal(run(sandbox.folder, '--version'), `${version}\n`)
  const repository = sandbox.repository('repo')
  run(repository, 'init', '--yes')
  assert.equal(statSync(join(repository, '.claude/agent-isolate/run')).mode & 0o777, 0o755)
  assert.throws(() => run(repository, 'init', '--yes', '--delivery', 'source'), /comes without its sources/)
})
