/** What looks through a whole repository, and hooks of git: in the main checkout beside agents' unfinished work. */
import type { RealSample } from '../real-sample.ts'
import { json, missingNpm, npmInstall, packages } from '../tools.ts'

/** An agent's unfinished work: no test runner and no linter of the main checkout is to see it. */
const unfinished = 'throw new Error("unfinished"); var a = 1; debugger\n'

const biome = { formatter: { enabled: false }, assist: { enabled: false } }

export const tools: RealSample = {
  name: 'husky, vitest, jest, eslint and Biome beside unfinished work in worktrees',
  missing: missingNpm,
  files: {
    '.gitignore': 'node_modules\n.hook-ran\n',
    'package.json': json({
      type: 'module',
      scripts: { prepare: 'husky', test: 'vitest run && jest', lint: 'eslint . && biome check .' },
      devDependencies: packages('husky', 'vitest', 'jest', 'eslint', '@eslint/js', '@biomejs/biome'),
    }),
    '.husky/pre-commit': 'git rev-parse --show-toplevel > .hook-ran\n',
    'vitest.config.js': "export default { test: { include: ['**/*.vitest.js'] } }\n",
    'jest.config.js': "export default { testMatch: ['**/*.jest.cjs'], transform: {} }\n",
    'eslint.config.js': "import js from '@eslint/js'\n\nexport default [js.configs.recommended]\n",
    'biome.json': json(biome),
    'one.vitest.js': "import { expect, test } from 'vitest'\n\ntest('one', () => expect(1).toBe(1))\n",
    'two.jest.cjs': "const { expect, test } = require('@jest/globals')\n\ntest('two', () => expect(1).toBe(1))\n",
  },
  prepare: (root, { sandbox }) => npmInstall(root, sandbox),
  left: ['eslint.config.js:3', 'jest.config.js:1', 'vitest.config.js:1'],
  mend: {
    'vitest.config.js': `import { configDefaults } from 'vitest/config'

export default {
  test: { include: ['**/*.vitest.js'], exclude: [...configDefaults.exclude, '.claude/worktrees/**'] },
}
`,
    'jest.config.js': `export default {
  testMatch: ['**/*.jest.cjs'],
  transform: {},
  modulePathIgnorePatterns: ['<rootDir>/.claude/worktrees/'],
}
`,
    'eslint.config.js': `import js from '@eslint/js'

export default [js.configs.recommended, { ignores: ['.claude/worktrees/'] }]
`,
  },
  checks: [
    { argv: ['npm', 'test'] },
    { argv: ['npm', 'run', 'lint'] },
    {
      argv: [
        'node',
        '--eval',
        `for (const name of ['a.vitest.js', 'b.jest.cjs', 'c.js']) require('fs').writeFileSync(name, ${JSON.stringify(unfinished)})`,
      ],
    },
    { argv: ['git', 'add', '--all'] },
    { argv: ['git', 'commit', '--message=unfinished'] },
    { argv: ['sh', '-c', 'test "$(cat .hook-ran)" = "$PWD"'] },
  ],
  discards: true,
  mainChecks: [{ argv: ['npm', 'test'] }, { argv: ['npm', 'run', 'lint'] }],
  traces: [/^\.hook-ran$/, /^node_modules\/\.(vite|cache)/, /^\.husky\/_/],
}
