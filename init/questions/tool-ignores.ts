/** Whether test runners and linters of the main checkout are kept out of the worktrees. */
import { askYes } from '../prompts.ts'
import { oneOf, type Question } from './question.ts'

export const toolIgnores: Question<boolean> = {
  flag: 'tool-ignores',
  placeholder: 'WHICH',
  help: `yes: keep tools such as Biome and Jest out of the worktrees'
folder, where their config is JSON or ignore rules; no`,
  parse(text) {
    const parsed = oneOf(['yes', 'no'])(text)
    return 'wrong' in parsed ? parsed : { value: parsed.value === 'yes' }
  },
  plain: true,
  ask: {
    when: (_, { toolFiles }) => toolFiles.length > 0,
    async question({ toolIgnores: initial }, { toolFiles }) {
      const message = `Keep tools out of the worktrees' folder? (${toolFiles.join(', ')})`
      return { toolIgnores: await askYes(message, initial) }
    },
  },
}
