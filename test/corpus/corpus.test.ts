/** Repositories of the shapes that people have, each through the whole story. */
import { dirname, delimiter } from 'node:path'
import { test } from 'node:test'
import { createSource } from '../support/postgres-repository.ts'
import { noPostgres, postgresProgram, shareServer } from '../support/postgres.ts'
import { createSandbox } from '../support/sandbox.ts'
import * as node from './samples/node.ts'
import * as python from './samples/python.ts'
import * as services from './samples/services.ts'
import type { Sample } from './sample.ts'
import { tellStory } from './story.ts'

const samples: readonly Sample[] = [node, python, services].flatMap((module): Sample[] => Object.values(module))

const skip = noPostgres()
const server = shareServer()

for (const sample of samples) {
  test(sample.name, { skip: sample.usesPostgres === true && skip }, async (t) => {
    const sandbox = createSandbox(t)
    // No engine answers, whatever the machine has.
    sandbox.env['DOCKER_HOST'] = 'unix:///nowhere.sock'
    if (!sample.usesPostgres) return tellStory(t, sample, { sandbox })
    sandbox.env['PATH'] = [dirname(postgresProgram('psql')), process.env['PATH']].join(delimiter)
    const postgres = server()
    createSource(t, postgres, 'app')
    await tellStory(t, sample, { sandbox, postgres })
  })
}
