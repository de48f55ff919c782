/** JavaScript and TypeScript, with the files in which tools are configured. */
import { posix } from 'node:path'
import type { FileKind } from '../file-kind.ts'
import { addressRule, enclosingCall, wellKnownVariable, type Match, type Rule } from '../port-hit.ts'
import { rewriteScript } from '../rewrite-port.ts'
import { isText } from '../ui-text.ts'

const serverNames = /(?:^|\.)(?:serve|listen|start\w*|\w*[Ss]erver\w*)$/

/** In the configuration of a server or test runner, every `port` is one that is opened, or expected to be open. */
const serverConfig =
  /(?:^|\/)(?:(?:vite|vitest|next|astro|nuxt|playwright[\w.-]*|cypress[\w.-]*|webpack[\w.-]*|rspack|rsbuild|svelte|metro|gatsby-config|remix|vue|ecosystem|wdio|jest-puppeteer|craco|app)\.config\.\w+|webpack\.\w+\.[cm]?[jt]s|\.storybook\/main\.\w+)$/

export function isServerConfig(path: string): boolean {
  return serverConfig.test(path)
}

/** What Playwright and Cypress are told: which server they test. */
export function isTestConfig(path: string): boolean {
  return /^(?:playwright|cypress)[\w.-]*\.config\.[cm]?[jt]s$/.test(posix.basename(path))
}

const localUrl = (port: string): string => `http://localhost:${port}`

/** Where tests look for the server. Cypress takes CYPRESS_BASE_URL by itself. */
const testRules: readonly Rule[] = [
  {
    rule: 'test-target',
    role: 'listens',
    files: /(?:^|\/)playwright[\w.-]*\.config\.\w+$/,
    pattern: /\b(?:(?:baseURL|url)["']?\s*:\s*["'`]https?:\/\/[\w.]+:|port["']?\s*:\s*)(?<port>\d{2,5})\b/dg,
    rewrite: adviseTarget,
    own: { variable: 'PLAYWRIGHT_BASE_URL', value: localUrl },
  },
  {
    rule: 'test-target',
    role: 'listens',
    files: /(?:^|\/)cypress[\w.-]*\.config\.\w+$/,
    pattern: /\bbaseUrl["']?\s*:\s*["'`]https?:\/\/[\w.]+:(?<port>\d{2,5})\b/dg,
    own: { variable: 'CYPRESS_BASE_URL', value: localUrl },
    isBeaten: true,
  },
]

const rules: readonly Rule[] = [
  ...testRules,
  {
    rule: 'config',
    role: 'listens',
    files: serverConfig,
    pattern: /\b(?:\w+_)?port["']?\s*:\s*["']?(?<port>\d{2,5})\b/dgi,
  },
  {
    rule: 'config',
    role: 'listens',
    files: serverConfig,
    pattern: /(?:--port[= ]|\s-p[ =]?|\bPORT=)(?<port>\d{2,5})\b/dg,
  },
  { ...addressRule, rule: 'config', role: 'listens', files: serverConfig },
  // commander's and cac's: .option('-p, --port <number>', 'what it is', parseInt, 3000)
  {
    rule: 'option',
    role: 'listens',
    isDefault: true,
    pattern:
      /\.(?:option|requiredOption)\(\s*["'][^"'\n]*--(?:(?:http|https|web|server|api|app|listen|dev)-)?port\b[^"'\n]*["']\s*,\s*(?:(?:"[^"\n]*"|'[^'\n]*'|[A-Za-z][\w.]*)\s*,\s*){0,2}["']?(?<port>\d{2,5})["']?\s*[,)]/dg,
  },
  // The same of yargs and of util.parseArgs.
  {
    rule: 'option',
    role: 'listens',
    isDefault: true,
    pattern: /\bport["']?\s*[:,]\s*\{(?![^{}]*\benv\b)[^{}]*\bdefault\s*:\s*["']?(?<port>\d{2,5})\b/dg,
    isMeant: ({ text }) => /\b(?:parseArgs\(|yargs\b)/.test(text),
  },
  { rule: 'listen', role: 'listens', pattern: /\blisten\(\s*["']?(?<port>\d{2,5})\b/dg },
  {
    rule: 'constant',
    role: 'listens',
    pattern: /\b(?:const|let|var)\s+(\w+)\s*(?::\s*\w+\s*)?=\s*["']?(?<port>\d{2,5})["']?[ \t]*(?=[;,\n]|$)/dg,
    isMeant: isServerConstant,
  },
  {
    rule: 'listen',
    role: 'listens',
    pattern: /\bport\s*:\s*["']?(?<port>\d{2,5})\b/dg,
    isMeant: ({ text, index }) =>
      serverNames.test(enclosingCall(text, index) ?? '') || /export default\s*\{[^{}]*$/.test(text.slice(0, index)),
  },
  {
    rule: 'database',
    role: 'reached',
    pattern: /\bport\s*:\s*["']?(?<port>\d{2,5})\b/dg,
    isMeant: ({ port }) => wellKnownVariable(port) === 'DB_PORT',
  },
  { ...addressRule, isMeant: (match) => addressRule.isMeant(match) && !isText(match) },
]

export const script: FileKind = {
  kind: 'script',
  files: (path) => /\.(?:[cm]?[jt]sx?|vue|svelte|astro)$/.test(path),
  comments: 'slashes',
  rules,
  rewrite: rewriteScript,
}

/** All lines of it at once: the tests, and the server that is started for them, go where the worktree's port leads. */
function adviseTarget(_line: string, _start: number, _end: number, port: number, name: string): string {
  return [
    `const baseURL = process.env.PLAYWRIGHT_BASE_URL ?? process.env.BASE_URL ?? \`http://localhost:\${process.env.${name} ?? ${port}}\``,
    'use: { baseURL },',
    `webServer: { url: baseURL, env: { ${name}: new URL(baseURL).port } }, with what else is there, "port" apart`,
  ].join('\n')
}

/** The constant is listened on, or called as if; and nothing lets the environment come first. */
function isServerConstant({ text, groups: [, name = ''] }: Match): boolean {
  if (new RegExp(`(?:\\|\\||\\?\\?|[?:,])\\s*${name}\\b[^\\n]*`).test(text) && /env\b/.test(text)) return false
  if (new RegExp(`\\b${name}\\s*=[^=\\n]*\\benv\\b`).test(text)) return false
  if (new RegExp(`\\b(?:listen|serve)\\(\\s*(?:\\{[^}]*\\bport\\s*:\\s*)?${name}\\b`).test(text)) return true
  return /^(?:(?:server|https?|app|api|web|dev|ws|socket)_?)?port$/i.test(name)
}
