/** Next, whose development server takes PORT by itself. */
import assert from 'node:assert/strict'
import type { RealSample } from '../real-sample.ts'
import { json, missingNpm, npmInstall, packages } from '../tools.ts'

export const next: RealSample = {
  name: 'Next with its settings in .env.local',
  missing: missingNpm,
  files: {
    '.gitignore': 'node_modules\n.next\n.env*\nnext-env.d.ts\n',
    'package.json': json({
      type: 'module',
      scripts: { dev: 'next dev', test: 'node test.mjs' },
      dependencies: packages('next', 'react', 'react-dom'),
    }),
    'app/layout.js':
      'export default function Layout({ children }) {\n  return <html><body>{children}</body></html>\n}\n',
    'app/page.js': `export const dynamic = 'force-dynamic'
export default function Page() {
  return <p>{JSON.stringify([process.cwd(), process.env.SECRET])}</p>
}
`,
    'test.mjs': `const text = await (await fetch(process.env.APP_URL || 'http://localhost:5463')).text()
if (!text.includes(process.cwd())) throw new Error(text)
`,
  },
  local: () => ({ '.env.local': 'SECRET=s3cret\nAPP_URL=http://localhost:5463\n' }),
  prepare: (root, { sandbox }) => npmInstall(root, sandbox),
  left: ['next.config.mjs'],
  mend: {
    'next.config.mjs':
      'export default { turbopack: { root: import.meta.dirname }, outputFileTracingRoot: import.meta.dirname }\n',
  },
  servers: [
    {
      argv: ['npm', 'run', 'dev'],
      env: { PORT: '5463', NEXT_TELEMETRY_DISABLED: '1' },
      port: 'app',
      mainPort: 5463,
      expect: ({ text = '' }, { folder }) => {
        assert.ok(text.includes(`[&quot;${folder}&quot;,&quot;s3cret&quot;]`), text)
      },
    },
  ],
  checks: [{ argv: ['npm', 'test'] }],
  traces: [/^\.next/, /^next-env\.d\.ts$/],
}
