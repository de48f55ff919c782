/** Where ports are written into code, by language. Comments are blank already; fallbacks of an environment variable are no hits. */
import { posix } from 'node:path'
import {
  addressRule,
  applyRule,
  enclosingCall,
  joinLines,
  variableFor,
  type NameOf,
  type Hit,
  type Match,
  type Rewrite,
  type Rule,
} from './port-hit.ts'
import { rewriteMake, rewritePython, rewriteRuby, rewriteScript, rewriteShell } from './rewrite-port.ts'
import type { SourceFile } from './source-files.ts'

/** Every port that the file fixes; one hit for each port of a line. */
export function findFixedPorts(
  { path, kind, code }: Pick<SourceFile, 'path' | 'kind' | 'code'>,
  nameOf: NameOf = variableFor,
): Hit[] {
  const whole = joinLines(kind === 'package' ? scriptsOf(code) : code)
  const apply = (rules: readonly Rule[], rewrite: Rewrite): Hit[] =>
    dropRepeats(rules.flatMap((rule) => applyRule(rule, whole, rewrite, nameOf)))
  switch (kind) {
    case 'script':
      return apply(isServerConfig(path) ? [...configRules, ...scriptRules] : scriptRules, rewriteScript)
    case 'python':
      return apply(pythonRules, rewritePython)
    case 'ruby':
      return apply(rubyRules, rewriteRuby)
    case 'package':
      return apply(commandRules, rewriteShell)
    case 'command':
      return apply(commandRules, /(?:^|\/)\w*[Mm]akefile$|\.mk$/.test(path) ? rewriteMake : rewriteShell)
    case 'config':
      return apply(fileRules, (_line, _start, _end, port) => adviseStart(path, port))
    case 'compose':
    case 'env':
      return []
  }
}

const serverNames = /(?:^|\.)(?:serve|listen|start\w*|\w*[Ss]erver\w*)$/

const scriptRules: readonly Rule[] = [
  { rule: 'listen', severity: 'error', pattern: /\blisten\(\s*["']?(?<port>\d{2,5})\b/dg },
  {
    rule: 'constant',
    severity: 'error',
    pattern: /\b(?:const|let|var)\s+(\w+)\s*(?::\s*\w+\s*)?=\s*["']?(?<port>\d{2,5})["']?[ \t]*(?=[;,\n]|$)/dg,
    isMeant: isServerConstant,
  },
  {
    rule: 'listen',
    severity: 'error',
    pattern: /\bport\s*:\s*["']?(?<port>\d{2,5})\b/dg,
    isMeant: ({ text, index }) =>
      serverNames.test(enclosingCall(text, index) ?? '') || /export default\s*\{[^{}]*$/.test(text.slice(0, index)),
  },
  {
    rule: 'database',
    severity: 'warning',
    pattern: /\bport\s*:\s*["']?(?<port>\d{2,5})\b/dg,
    isMeant: ({ port }) => variableFor(port) === 'DB_PORT',
  },
  addressRule,
]

/** In the configuration of a server or test runner, every `port` is one that is opened, or expected to be open. */
const configRules: readonly Rule[] = [
  { rule: 'config', severity: 'error', pattern: /\b(?:\w+_)?port["']?\s*:\s*["']?(?<port>\d{2,5})\b/dgi },
  { rule: 'config', severity: 'error', pattern: /(?:--port[= ]|\s-p[ =]?|\bPORT=)(?<port>\d{2,5})\b/dg },
  { ...addressRule, rule: 'config', severity: 'error' },
]

function isServerConfig(path: string): boolean {
  return /^(?:vite|vitest|next|astro|nuxt|playwright|cypress|webpack[\w.-]*|rspack|rsbuild|svelte|metro|gatsby-config|remix|vue|ecosystem|wdio|jest-puppeteer)\.config\.\w+$|^webpack\.\w+\.[cm]?[jt]s$/.test(
    posix.basename(path),
  )
}

/** The constant is listened on, or called as if; and nothing lets the environment come first. */
function isServerConstant({ text, groups: [, name = ''] }: Match): boolean {
  if (new RegExp(`(?:\\|\\||\\?\\?|[?:,])\\s*${name}\\b[^\\n]*`).test(text) && /env\b/.test(text)) return false
  if (new RegExp(`\\b${name}\\s*=[^=\\n]*\\benv\\b`).test(text)) return false
  if (new RegExp(`\\b(?:listen|serve)\\(\\s*(?:\\{[^}]*\\bport\\s*:\\s*)?${name}\\b`).test(text)) return true
  return /^(?:(?:server|https?|app|api|web|dev|ws|socket)_?)?port$/i.test(name)
}

const pythonRules: readonly Rule[] = [
  {
    rule: 'listen',
    severity: 'error',
    pattern: /\bport\s*=\s*(?<port>\d{2,5})\b/dg,
    isMeant: ({ text, index }) =>
      /(?:^|\.)(?:run|serve|run_app|create_server|start_server|launch|Config|listen)$/.test(
        enclosingCall(text, index) ?? '',
      ),
  },
  { rule: 'listen', severity: 'error', pattern: /\.listen\(\s*(?<port>\d{2,5})\b/dg },
  {
    rule: 'listen',
    severity: 'error',
    pattern: /(?:Server|run_simple)\(\s*\(?["'][^"'\n]*["'],\s*(?<port>\d{2,5})\b/dg,
  },
  { rule: 'listen', severity: 'error', pattern: /["']runserver["'],\s*["'](?:[\w.]+:)?(?<port>\d{2,5})["']/dg },
  {
    rule: 'constant',
    severity: 'error',
    pattern: /^(?:(?:SERVER|HTTP|APP|API|WEB)_)?PORT\s*(?::\s*int\s*)?=\s*(?<port>\d{2,5})[ \t]*$/dgm,
  },
  {
    ...addressRule,
    rule: 'listen',
    severity: 'error',
    pattern: /^bind\s*=\s*\[?\s*["'][\w.]*:(?<port>\d{2,5})["']/dgm,
  },
  { ...addressRule, isMeant: (match) => addressRule.isMeant?.(match) !== false && !isPydanticDefault(match) },
]

/** A field of pydantic's BaseSettings takes its value from the environment. */
function isPydanticDefault({ text, index }: Match): boolean {
  const line = text.slice(text.lastIndexOf('\n', index) + 1, index)
  return /^\s+\w+\s*:[^=]+=/.test(line) && /\bBaseSettings\b/.test(text)
}

const rubyRules: readonly Rule[] = [
  { rule: 'listen', severity: 'error', pattern: /^\s*(?:port\s+|set\s+:port,\s*)(?<port>\d{2,5})\b/dgm },
  { rule: 'listen', severity: 'error', pattern: /\bPort(?::|\s*=>)\s*(?<port>\d{2,5})\b/dg },
  addressRule,
]

const commandRules: readonly Rule[] = [
  { rule: 'command', severity: 'error', pattern: /\s--(?:[a-z]+-)?port[= ]["']?(?<port>\d{2,5})(?![\d:])/dg },
  {
    rule: 'command',
    severity: 'error',
    pattern: /(?<!\b(?:docker|podman)\b[^\n]*)\s-p[ =]?(?<port>\d{2,5})(?![\d:.\w])/dg,
  },
  { rule: 'command', severity: 'error', pattern: /\s(?:-p|--publish)[= ]["']?(?:[\d.]+:)?(?<port>\d{2,5}):\d/dg },
  {
    rule: 'command',
    severity: 'error',
    pattern: /\s(?:-b|--bind|-l|--listen)[= ]["']?(?:[\w.]*:)?(?<port>\d{2,5})(?![\d.\w])/dg,
  },
  { rule: 'command', severity: 'error', pattern: /\brunserver(?:_plus)?\s+(?:[\w.]+:)?(?<port>\d{2,5})\b/dg },
  { rule: 'command', severity: 'error', pattern: /(?<![\w{$])(?:[A-Z]+_)*PORT=["']?(?<port>\d{2,5})\b/dg },
  { rule: 'command', severity: 'error', pattern: /^(?:[A-Z]+_)*PORT[ \t]*:?=[ \t]*(?<port>\d{2,5})[ \t]*$/dgm },
  { rule: 'command', severity: 'error', pattern: /\bkill-port\s+(?<port>\d{2,5})\b|\blsof\s[^\n|]*:(\d{2,5})\b/dg },
  { rule: 'command', severity: 'error', pattern: /\btcp:(?:localhost:)?(?<port>\d{2,5})\b/dg },
  addressRule,
]

const fileRules: readonly Rule[] = [
  { rule: 'config', severity: 'error', pattern: /^[ \t]*["']?port["']?[ \t]*[:=][ \t]*(?<port>\d{2,5})\b/dgm },
]

/** Files that cannot name a variable: the port goes to the command line. */
function adviseStart(path: string, port: number): string {
  const command = posix.basename(path).startsWith('angular') ? 'ng serve' : 'wrangler dev'
  return `take this line out, and start with: ${command} --port \${PORT:-${port}}`
}

/** The lines of the "scripts" of a package.json; all others blank. */
function scriptsOf(lines: readonly string[]): string[] {
  const start = lines.findIndex((line) => /^\s*"scripts"\s*:/.test(line))
  const length = lines.slice(start + 1).findIndex((line) => /^\s*\}/.test(line))
  return lines.map((line, index) => (start !== -1 && index > start && index <= start + length ? line : ''))
}

/** Two rules may meet the same port of the same line: the first, which says more, stands. */
function dropRepeats(hits: readonly Hit[]): Hit[] {
  const seen = new Map<string, Hit>()
  for (const hit of hits) {
    const key = `${hit.line}:${hit.port}`
    if (!seen.has(key)) seen.set(key, hit)
  }
  return [...seen.values()].toSorted((a, b) => a.line - b.line)
}
