/** Whom the hooks are for, and how they get here. */
import { deliveries, type Delivery, type Scope } from '../answers.ts'
import { askChoice } from '../prompts.ts'
import { oneOf, type Question } from './question.ts'

export const scope: Question<Scope> = {
  flag: 'scope',
  placeholder: 'SCOPE',
  help: `where the hooks go: project (.claude/settings.json), local
(.claude/settings.local.json), user (~/.claude/settings.json)`,
  parse: oneOf(['project', 'local', 'user']),
  plain: 'project',
  ask: {
    async question(values, { hasHome }) {
      const options: { value: Scope; label: string }[] = [
        { value: 'project', label: 'everyone here   .claude/settings.json, to be committed' },
        { value: 'local', label: 'me, here        .claude/settings.local.json' },
      ]
      if (hasHome) options.push({ value: 'user', label: 'me, everywhere  ~/.claude/settings.json' })
      return { scope: await askChoice('Who is it for?', options, values.scope) }
    },
  },
}

export const delivery: Question<Delivery> = {
  flag: 'delivery',
  placeholder: 'HOW',
  help: `program: the hooks as one file in .claude/agent-isolate (the
default); source: with their sources, to be changed;
dependency: in node_modules; plugin: as a plugin of Claude Code`,
  parse: oneOf(deliveries),
  plain: 'program',
}
