/** Generated code that the main checkout has and a worktree lacks. */
import { configFileName } from '../lib/project/config.ts'
import type { Check, Context } from './check.ts'

export const generatedCheck: Check = {
  id: 'generated',
  title: 'Generated code',
  run(context) {
    const missing = context.detection.generated.filter(({ output, command }) => !isProvided(context, output, command))
    if (missing.length === 0) return [{ id: 'generated.ok', severity: 'ok', message: 'no generated code is missing' }]
    return missing.map(({ output, command }) => ({
      id: 'generated.missing',
      severity: 'warning',
      message: `${output} is ignored by git, and not made in a worktree`,
      why: 'What imports it does not start there: an install made it in the main checkout.',
      fix: `add to "setup": ${JSON.stringify(command)}`,
      file: configFileName,
    }))
  },
}

/** By a set-up command, by "copy", or by an install, which runs the project's own scripts. */
function isProvided({ project }: Context, output: string, command: string): boolean {
  const { setup, copy, dependencies } = project.config
  const last = command.split(' ').at(-1) ?? command
  const isMade = setup.some((one) => one.includes(command) || one.includes(last) || /\binstall\b|\bnpm ci\b/.test(one))
  const isCopied = copy.some((path) => output === path || output.startsWith(`${path.replace(/\/$/, '')}/`))
  return isMade || isCopied || dependencies.node_modules === 'install'
}
