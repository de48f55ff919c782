import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSafeToExport } from '../../lib/environment/export-rule.ts'
import { renderTemplate } from '../../lib/env-text/template.ts'

const path = '/home/me/my project/.agent-isolate/dev.db'
const variables = {
  AGENT_DYNAMIC_PORT: '20410',
  AGENT_SLUG: 'fix-login',
  AGENT_DATABASE_URL: `file:${path}`,
  AGENT_SQLITE_PATH: path,
  AGENT_WORKTREE: '/home/me/my project',
}

const exported = [
  'PORT=$AGENT_DYNAMIC_PORT',
  'VITE_API_PORT=$AGENT_DYNAMIC_PORT',
  'API_URL=http://localhost:$AGENT_DYNAMIC_PORT/v1?x=y',
  'REDIS_URL=redis://:pass%21@127.0.0.1:$AGENT_DYNAMIC_PORT/0',
  'DATABASE_URL=$AGENT_DATABASE_URL',
  'DATABASE_URL="sqlite:///$AGENT_SQLITE_PATH?mode=rwc"',
  'DB_PATH=$AGENT_SQLITE_PATH',
  'TEST_DB_NAME=app_$AGENT_SLUG',
  'COMPOSE_PROJECT_NAME=x-$AGENT_SLUG',
  'APP_ENV=staging',
]

const heldBack = [
  ...['HOME', 'XDG_CONFIG_HOME', 'ZDOTDIR', 'TMPDIR', 'CARGO_HOME', 'KUBECONFIG'].map(
    (key) => `${key}=$AGENT_WORKTREE`,
  ),
  ...['MAKEFLAGS', 'CC', 'MANPAGER', 'RUSTC_WRAPPER', 'PATH', 'LD_PRELOAD', 'RANDOM_'].map(
    (key) => `${key}=x$AGENT_SLUG`,
  ),
  ...['HTTPS_PROXY', 'DOCKER_HOST', 'ANTHROPIC_BASE_URL', 'PIP_INDEX_URL', 'UV_INDEX_URL', 'NPM_REGISTRY_URL'].map(
    (key) => `${key}=http://localhost:$AGENT_DYNAMIC_PORT`,
  ),
  'NODE_OPTIONS=--require=./x.js',
  'APP_ENV=../x',
  'PORT=3000',
  'DB_PATH=$AGENT_WORKTREE/evil',
  'DB_PATH=/tmp/x:$AGENT_SQLITE_PATH',
  'API_URL=http://example.com:$AGENT_DYNAMIC_PORT',
  'API_URL=http://localhost:$AGENT_DYNAMIC_PORT@example.com',
  'API_URL=http://localhost.example.com:$AGENT_DYNAMIC_PORT',
  "API_URL='http://localhost\\@example.com:$AGENT_DYNAMIC_PORT'",
  'API_URL=$AGENT_SLUG.example.com',
  'API_URL=http://localhost:$AGENT_DYNAMIC_PORT/$HOME',
  'DATABASE_URL=jdbc:postgresql://localhost:$AGENT_DYNAMIC_PORT/x?socketFactory=y',
]

for (const [lines, answer] of [
  [exported, true],
  [heldBack, false],
] as const) {
  for (const line of lines) {
    test(`an untrusted ${line} is ${answer ? 'exported' : 'held back'}`, () => {
      const [entry] = renderTemplate(line, variables).entries
      assert.ok(entry !== undefined)
      assert.equal(isSafeToExport(entry, [{ kind: 'sqlite', url: `file:${path}`, path, further: [] }]), answer)
    })
  }
}
