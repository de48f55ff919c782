/** Repositories of the shapes that people have, each through the whole story. */
import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { dirname, delimiter, join } from 'node:path'
import { test } from 'node:test'
import { createSource } from '../support/postgres-repository.ts'
import { noPostgres, postgresProgram, shareServer } from '../support/postgres.ts'
import { createSandbox, type Sandbox } from '../support/sandbox.ts'
import * as node from './samples/node.ts'
import * as python from './samples/python.ts'
import * as services from './samples/services.ts'
import { startRedis } from '../support/shared-servers.ts'
import { withFreePorts } from './free-ports.ts'
import type { Sample } from './sample.ts'
import { tellStory } from './story.ts'

const samples: readonly Sample[] = [node, python, services].flatMap((module): Sample[] => Object.values(module))

const skip = noPostgres()
const server = shareServer()

for (const sample of samples) {
  test(sample.name, { skip: sample.usesPostgres === true && skip }, async (t) => {
    const sandbox = createSandbox(t)
    sandbox.env['PATH'] = pathWithoutDocker(sandbox)
    const own = await withFreePorts(sample)
    if (sample.usesRedis) {
      const redis = await startRedis(t, sandbox, 16)
      return redis === undefined ? undefined : tellStory(t, own, { sandbox, redis })
    }
    if (!sample.usesPostgres) return tellStory(t, own, { sandbox })
    sandbox.env['PATH'] = [dirname(postgresProgram('psql')), sandbox.env['PATH']].join(delimiter)
    const postgres = server()
    createSource(t, postgres, 'app')
    await tellStory(t, own, { sandbox, postgres })
  })
}

/** So that a sample's compose services are nobody's, whatever the machine has. */
function pathWithoutDocker({ env, folder }: Sandbox): string {
  const folders = (env['PATH'] ?? '').split(delimiter).filter((path) => path !== '')
  return folders
    .map((path, index) => {
      if (!existsSync(join(path, 'docker'))) return path
      const twin = join(folder, `path-${index}`)
      mkdirSync(twin)
      for (const name of readdirSync(path))
        if (!name.startsWith('docker')) symlinkSync(join(path, name), join(twin, name))
      return twin
    })
    .join(delimiter)
}
