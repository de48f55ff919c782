/** Vite, whose port is a flag or its config's. */
import assert from 'node:assert/strict'
import type { RealSample } from '../real-sample.ts'
import { json, missingNpm, npmInstall, packages } from '../tools.ts'

const vitePackage = (dev: string): string =>
  json({ type: 'module', scripts: { dev, test: 'node test.mjs' }, devDependencies: packages('vite') })

export const vite: RealSample = {
  name: 'Vite with its port in a script',
  missing: missingNpm,
  files: {
    '.gitignore': 'node_modules\n',
    'package.json': vitePackage('vite --port 5461 --strictPort'),
    'vite.config.js': `export default {
  plugins: [{ name: 'where', transformIndexHtml: (html) => html.replace('WHERE', process.cwd()) }],
}
`,
    'index.html': '<!doctype html>\n<p>WHERE</p>\n<script type="module" src="/main.js"></script>\n',
    'main.js': 'document.title = import.meta.env.MODE\n',
    'test.mjs': `const port = process.env.PORT || 5461
const text = await (await fetch(\`http://localhost:\${port}/\`)).text()
if (!text.includes(\`<p>\${process.cwd()}</p>\`)) throw new Error(text)
`,
  },
  prepare: (root, { sandbox }) => npmInstall(root, sandbox),
  left: ['package.json:4'],
  mend: { 'package.json': vitePackage('vite --port ${PORT:-5461} --strictPort') },
  servers: [
    {
      argv: ['npm', 'run', 'dev'],
      port: 'app',
      mainPort: 5461,
      expect: ({ text = '' }, { folder }) => assert.ok(text.includes(`<p>${folder}</p>`), text),
    },
  ],
  checks: [{ argv: ['npm', 'test'] }],
  traces: [/^node_modules\/\.vite/],
}
