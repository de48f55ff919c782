/** Reads, once, all that the checks look at. */
import { detectRepository } from '../detect/detect.ts'
import { configFileName, parseConfig } from '../lib/project/config.ts'
import { loadTemplate } from '../lib/environment/templates.ts'
import { IsolateError } from '../lib/report/isolate-error.ts'
import { loadProjectIfRight, type Project } from '../lib/project/project.ts'
import { requireRepository } from '../lib/git/repository.ts'
import type { Reporter } from '../lib/report/reporter.ts'
import type { Context } from './check.ts'
import { loadSettingsFiles } from './settings-files.ts'
import { loadSourceFiles } from '../detect/source/source-files.ts'

/** Throws `IsolateError` outside a repository, and inside a bare one. */
export async function loadContext(cwd: string, env: NodeJS.ProcessEnv, reporter: Reporter): Promise<Context> {
  const { project, configFault } = await loadOrDefaults(cwd)
  const root = project.repository.checkout ?? project.repository.source
  if (root === undefined) {
    throw new IsolateError('there is no checkout to look at here', {
      hint: 'Run this in a worktree of the repository.',
    })
  }
  const detection = await detectRepository(root)
  const home = env['HOME'] || undefined
  return {
    root,
    project,
    configFault,
    detection,
    settings: loadSettingsFiles(root, home, new Set(detection.files.tracked)),
    ...loadSourceFiles(root, detection.files),
    template: loadTemplate(project, root),
    env,
    reporter,
  }
}

/** A faulty agent-isolate.json is a finding, not the end. */
async function loadOrDefaults(cwd: string): Promise<{ project: Project; configFault: IsolateError | undefined }> {
  const repository = await requireRepository(cwd)
  const loaded = await loadProjectIfRight(repository)
  if (!(loaded instanceof IsolateError)) return { project: loaded, configFault: undefined }
  const trustee = { commonDir: repository.commonDir, texts: [''] }
  const config = parseConfig('', configFileName)
  return { project: { repository, config, template: undefined, trustee, isTrusted: false }, configFault: loaded }
}
