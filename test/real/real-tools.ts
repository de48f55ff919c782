/** Small apps on the real tools, each through the whole story; a tool that is missing is named as skipped. `npm run test:real`. */
import { test } from 'node:test'
import { tellStory } from '../corpus/story.ts'
import { createSandbox } from '../support/sandbox.ts'
import type { RealSample } from './real-sample.ts'
import * as drizzle from './samples/drizzle.ts'
import * as next from './samples/next.ts'
import * as playwright from './samples/playwright.ts'
import * as prisma from './samples/prisma.ts'
import * as python from './samples/python.ts'
import * as rails from './samples/rails.ts'
import * as tools from './samples/tools.ts'
import * as turbo from './samples/turbo.ts'
import * as vite from './samples/vite.ts'

const modules = [vite, next, turbo, drizzle, prisma, tools, playwright, python, rails]
const samples: readonly RealSample[] = modules.flatMap((module): RealSample[] => Object.values(module))

for (const sample of samples) {
  test(sample.name, { skip: sample.missing() }, async (t) => {
    const sandbox = createSandbox(t)
    sandbox.env['DOCKER_HOST'] = 'unix:///nowhere.sock'
    await tellStory(t, sample, { sandbox })
  })
}
