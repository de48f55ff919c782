/** Whether git would carry the environment template: `.env*` in a .gitignore, as create-next-app writes it, keeps it from everybody else. */
import { findNotIgnored } from '../lib/git/exclude.ts'
import { placeHere } from '../lib/git/repository.ts'
import { findBlockingRules } from '../lib/git/ignore-rules.ts'
import type { Check } from './check.ts'
import { addIgnoreLine } from './check-repository.ts'

export const templateFileCheck: Check = {
  id: 'template-file',
  title: 'Environment template in git',
  async run({ root, project, template, detection }) {
    const path = project.config.environment.template
    const isCarried = template === undefined || detection.files.tracked.includes(path)
    // That git cannot read its rules is another check's finding.
    if (isCarried || findBlockingRules(root) !== undefined) return [ok]
    const notIgnored = await findNotIgnored(placeHere(project.repository), [path])
    if (notIgnored.length > 0) return [ok]
    return [
      {
        id: 'template-file.ignored',
        severity: 'error',
        message: `git ignores ${path}`,
        why: 'It is never committed: the worktrees of everybody else are made without it.',
        fix: `add to .gitignore, below the rule that ignores it: !${path}`,
        file: '.gitignore',
        repair: async () => addIgnoreLine(root, `!${path}`),
      },
    ]
  },
}

const ok = { id: 'template-file.ok', severity: 'ok', message: 'git carries the template' } as const
