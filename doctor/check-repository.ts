/** Whether the repository and this machine are ready: git, config, ignore rules, template, upstream. */
import { lstatSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setIgnoreBlock } from '../init/gitignore.ts'
import { configFileName } from '../lib/project/config.ts'
import { isInnerPath } from '../lib/files/inner-path.ts'
import { environmentOf } from '../lib/environment/environment.ts'
import { findNotIgnored } from '../lib/git/exclude.ts'
import { tryGitIn } from '../lib/git/git.ts'
import { loadGitConfig } from '../lib/git/git-config.ts'
import { placeHere } from '../lib/git/repository.ts'
import { findBlockingRules } from '../lib/git/ignore-rules.ts'
import { IsolateError } from '../lib/report/isolate-error.ts'
import { readIfAny, readIfFile } from '../lib/files/read-if-any.ts'
import { findUpstream, upstreamName } from '../lib/git/upstream.ts'
import type { Check, Context, Finding } from './check.ts'
import { isAtLeast } from './check-hooks.ts'
import { sampleLease } from './sample-lease.ts'
import { templateKeys } from './template-keys.ts'

/** `git worktree list --porcelain -z` came with it (git 2.36 release notes). */
const oldestGit = [2, 36] as const

export const gitCheck: Check = {
  id: 'git',
  title: 'git',
  async run({ root }) {
    const { stdout } = await tryGitIn(root, ['--version'])
    const version = /\d+\.\d+(?:\.\d+)?/.exec(stdout)?.[0] ?? 'unknown'
    if (isAtLeast(version, oldestGit)) return [{ id: 'git.ok', severity: 'ok', message: `git ${version}` }]
    const why = 'Worktrees cannot be listed safely with an older one.'
    const message = `git is ${version}; ${oldestGit.join('.')} or newer is needed`
    return [{ id: 'git.version', severity: 'error', message, why, fix: 'Install a newer git.' }]
  },
}

export const configCheck: Check = {
  id: 'config',
  title: configFileName,
  run({ configFault }) {
    if (configFault === undefined) return [{ id: 'config.ok', severity: 'ok', message: `${configFileName} is right` }]
    const { message, hint = 'Correct the file.' } = configFault
    return [{ id: 'config.invalid', severity: 'error', message, why: 'No worktree is made before it is.', fix: hint }]
  },
}

export const ignoreCheck: Check = {
  id: 'ignore',
  title: 'Ignore rules',
  async run(context) {
    const { root, project } = context
    const { worktrees, environment } = project.config
    const own = isInnerPath(worktrees.folder) ? [`${worktrees.folder}/`] : []
    const wanted = [...own, environment.file, '.agent-isolate/']
    const blocking = findBlockingRules(root)
    if (blocking !== undefined) return [blockingFinding(blocking)]
    // A folder that is not there yet is known to git by its slash alone.
    const notIgnored = new Set(await findNotIgnored(placeHere(project.repository), wanted))
    const lines = [
      ...wanted.filter((line) => notIgnored.has(line)),
      ...(isLinkExposed(context) ? ['node_modules'] : []),
    ]
    if (lines.length === 0) return [{ id: 'ignore.ok', severity: 'ok', message: 'ignore rules are there' }]
    return lines.map((line) => ({
      id: 'ignore.missing',
      severity: line === environment.file ? ('error' as const) : ('warning' as const),
      message:
        line === 'node_modules' ? '"node_modules/" ignores no link of that name' : `${line} is not ignored by git`,
      why: 'What is made for one worktree ends up in a commit.',
      fix: `add to .gitignore: ${line}`,
      file: '.gitignore',
      repair: async () => addIgnoreLine(root, line),
    }))
  },
}

function blockingFinding(blocking: string): Finding {
  const why = 'git waits for ever at it.'
  return { id: 'ignore.unreadable', severity: 'error', message: blocking, why, fix: 'Put a file in its place.' }
}

/** A rule with a slash is for folders; a worktree's node_modules may be a symlink. */
function isLinkExposed({ root, project }: Context): boolean {
  const isLinked =
    project.config.dependencies.node_modules === 'symlink' ||
    lstatSync(join(root, 'node_modules'), { throwIfNoEntry: false })?.isSymbolicLink() === true
  const lines = (readIfFile(join(root, '.gitignore')) ?? '').split(/\r?\n/).map((line) => line.trim())
  const withSlash = lines.some((line) => /^(?:\*\*)?\/?node_modules\/$/.test(line))
  return isLinked && withSlash && !lines.some((line) => /^(?:\*\*)?\/?node_modules$/.test(line))
}

/** Adds a line to our block. */
export function addIgnoreLine(root: string, line: string): void {
  const path = join(root, '.gitignore')
  const before = readIfAny(path)
  const kept = /^# agent-isolate: begin\r?\n([\s\S]*?)# agent-isolate: end/m.exec(before ?? '')?.[1] ?? ''
  const lines = kept.split(/\r?\n/).filter((each) => each !== '')
  const after = setIgnoreBlock(before, [...lines, line])
  if (after !== undefined) writeFileSync(path, after)
}

export const templateCheck: Check = {
  id: 'template',
  title: 'Environment template',
  run(context) {
    const name = context.project.config.environment.template
    if (context.template === undefined) {
      return [
        {
          id: 'template.ok',
          severity: 'ok',
          message: `no ${name} (init makes it): worktrees get ${[...templateKeys(context)].join(', ')}`,
        },
      ]
    }
    try {
      environmentOf(context.project, sampleLease(context))
      return [{ id: 'template.ok', severity: 'ok', message: `${name} is right` }]
    } catch (error) {
      if (!(error instanceof IsolateError)) throw error
      const line = Number(/line (\d+)/.exec(error.message)?.[1])
      const finding: Finding = {
        id: 'template.invalid',
        severity: 'error',
        message: error.message,
        why: 'No worktree is made before it is right.',
        fix: error.hint ?? 'Correct the line.',
        file: name,
      }
      return [Number.isNaN(line) ? finding : { ...finding, line }]
    }
  },
}

export const upstreamCheck: Check = {
  id: 'upstream',
  title: 'Upstream',
  async run({ project }) {
    try {
      const place = placeHere(project.repository)
      const upstream = await findUpstream(place, await loadGitConfig(place), project.config.sync.upstream)
      const message =
        upstream === undefined
          ? 'no upstream: worktrees start from the main checkout'
          : `upstream ${upstreamName(upstream)}`
      return [{ id: 'upstream.ok', severity: 'ok', message }]
    } catch (error) {
      if (!(error instanceof IsolateError)) throw error
      const { message, hint = 'Correct "sync.upstream".' } = error
      return [
        {
          id: 'upstream.unknown',
          severity: 'error',
          message,
          why: 'Worktrees cannot start from it.',
          fix: hint,
          file: configFileName,
        },
      ]
    }
  },
}
