/** Playwright in Chromium: its target is fixed in its config. */
import type { RealSample } from '../real-sample.ts'
import { json, missing, missingNpm, npmInstall, packages } from '../tools.ts'

const config = ({ top, baseURL, server }: Record<'top' | 'baseURL' | 'server', string>): string =>
  `import { defineConfig } from '@playwright/test'
${top}
export default defineConfig({
  testDir: 'e2e',
  use: {
    ${baseURL},
    launchOptions: { executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] },
  },
  webServer: {
    command: 'npm run dev',
    reuseExistingServer: true,
    ${server},
  },
})
`

const fixed = config({ top: '', baseURL: "baseURL: 'http://localhost:5469'", server: "url: 'http://localhost:5469'" })

const mended = config({
  top: 'const baseURL = process.env.PLAYWRIGHT_BASE_URL ?? process.env.BASE_URL ?? `http://localhost:${process.env.PORT ?? 5469}`',
  baseURL: 'baseURL',
  server: 'url: baseURL, env: { PORT: new URL(baseURL).port }',
})

export const playwright: RealSample = {
  name: 'Playwright in Chromium with a fixed baseURL',
  missing: () => missing('/usr/bin/chromium', '--version') || missingNpm(),
  files: {
    '.gitignore': 'node_modules\ntest-results\n',
    'package.json': json({
      type: 'module',
      scripts: { dev: 'node server.js', 'test:e2e': 'playwright test' },
      devDependencies: packages('@playwright/test'),
    }),
    'playwright.config.ts': fixed,
    'server.js': `import { createServer } from 'node:http'
const page = \`<h1>\${process.cwd()}</h1>\`
createServer((_, response) => response.setHeader('content-type', 'text/html').end(page)).listen(process.env.PORT || 5469)
`,
    'e2e/page.spec.ts': `import { expect, test } from '@playwright/test'

test('the page of this checkout', async ({ page }) => {
  await page.goto('/')
  await expect(page.locator('h1')).toHaveText(process.cwd())
})
`,
  },
  prepare: (root, { sandbox }) => npmInstall(root, sandbox),
  left: ['playwright.config.ts:12', 'playwright.config.ts:6'],
  mend: { 'playwright.config.ts': mended },
  servers: [{ argv: ['npm', 'run', 'dev'], port: 'app', mainPort: 5469 }],
  checks: [{ argv: ['npm', 'run', 'test:e2e'] }],
}
