/** Files of settings: those that can name a variable, those that one beats, and those that need the command line. */
import { posix } from 'node:path'
import type { FileKind } from '../file-kind.ts'
import { addressRule, type Rewrite, type Rule } from '../port-hit.ts'
import { rewriteProperty } from '../rewrite-compiled.ts'

function named(pattern: RegExp): FileKind['files'] {
  return (path) => pattern.test(posix.basename(path))
}

const plain = (value: string): string => value

/** SERVER_PORT and QUARKUS_HTTP_PORT beat the files (Spring Boot's relaxed binding, MicroProfile Config). */
const springRules: readonly Rule[] = [
  {
    rule: 'config',
    role: 'listens',
    pattern: /^[ \t]*(?:%dev\.)?server\.port\s*[=:]\s*(?<port>\d{2,5})\b/dgm,
    own: { variable: 'SERVER_PORT', value: plain },
    isBeaten: true,
  },
  {
    rule: 'config',
    role: 'listens',
    pattern: /^server:[^\n]*\n(?:(?:[ \t]+[^\n]*)?\n)*?[ \t]+port:\s*(?<port>\d{2,5})\b/dgm,
    own: { variable: 'SERVER_PORT', value: plain },
    isBeaten: true,
  },
  {
    rule: 'config',
    role: 'listens',
    pattern: /^[ \t]*(?:%dev\.)?quarkus\.http\.port\s*[=:]\s*(?<port>\d{2,5})\b/dgm,
    own: { variable: 'QUARKUS_HTTP_PORT', value: plain },
    isBeaten: true,
  },
  {
    rule: 'config',
    role: 'listens',
    pattern:
      /^quarkus:[^\n]*\n(?:(?:[ \t]+[^\n]*)?\n)*?[ \t]+http:[^\n]*\n(?:[ \t]+[^\n]*\n)*?[ \t]+port:\s*(?<port>\d{2,5})\b/dgm,
    own: { variable: 'QUARKUS_HTTP_PORT', value: plain },
    isBeaten: true,
  },
  addressRule,
]

const rocketRules: readonly Rule[] = [
  {
    rule: 'config',
    role: 'listens',
    pattern: /^port\s*=\s*(?<port>\d{2,5})\b/dgm,
    own: { variable: 'ROCKET_PORT', value: plain },
    isBeaten: true,
  },
]

/** A launch profile beats ASPNETCORE_URLS, and appsettings do too: neither can name a variable. */
const dotnetAdvice: Rewrite = (_line, _start, _end, _port, name) =>
  `take this line out, and in the environment template: ASPNETCORE_URLS=http://localhost:$AGENT_${name === 'PORT' ? 'DYNAMIC_PORT' : name}`

const launchRules: readonly Rule[] = [
  {
    rule: 'config',
    role: 'listens',
    pattern: /"applicationUrl"\s*:\s*"[^"\n]*?:(?<port>\d{2,5})\b/dg,
    rewrite: dotnetAdvice,
  },
  {
    rule: 'config',
    role: 'listens',
    pattern: /"Ur(?:l|ls)"\s*:\s*"https?:\/\/[^"\n]*?:(?<port>\d{2,5})\b/dg,
    rewrite: dotnetAdvice,
  },
]

/** Files that cannot name a variable: the port goes to the command line. */
const starters: readonly (readonly [files: RegExp, command: string])[] = [
  [/^wrangler\./, 'wrangler dev --port'],
  [/^(?:angular|project)\.json$/, 'ng serve --port'],
]

function adviseStart(command: string): Rewrite {
  return (_line, _start, _end, port, name) => `take this line out, and start with: ${command} \${${name}:-${port}}`
}

const fixedPort: Pick<Rule, 'rule' | 'role' | 'pattern'> = {
  rule: 'config',
  role: 'listens',
  pattern: /^[ \t]*["']?port["']?[ \t]*[:=][ \t]*(?<port>\d{2,5})\b/dgm,
}

const startRules: readonly Rule[] = starters.map(([files, command]) => ({
  ...fixedPort,
  files: new RegExp(files.source.replace('^', '(?:^|/)')),
  rewrite: adviseStart(command),
}))

/** Stacks of several servers that one machine runs once. */
const stackRules: readonly Rule[] = [
  {
    ...fixedPort,
    pattern: /^[ \t]*(?:\w+_)?port[ \t]*=[ \t]*(?<port>\d{2,5})\b/dgm,
    files: /(?:^|\/)supabase\/config\.toml$/,
    role: 'reached',
    rewrite: () =>
      'one Supabase stack serves all worktrees, data included: give a worktree that starts its own another project_id and other ports',
  },
  {
    ...fixedPort,
    pattern: /"port"\s*:\s*(?<port>\d{2,5})\b/dg,
    files: /(?:^|\/)firebase\.json$/,
    rewrite: () => 'start the emulators in one worktree at a time, or with --config and a file that has other ports',
  },
]

export const configFiles: readonly FileKind[] = [
  {
    kind: 'spring',
    files: named(/^(?:application|bootstrap)(?:-(?!prod)\w+)?\.(?:properties|ya?ml)$/),
    comments: 'hash',
    rules: springRules,
    rewrite: rewriteProperty,
  },
  {
    kind: 'config',
    title: 'Rocket.toml',
    files: named(/^Rocket\.toml$/),
    comments: 'hash',
    rules: rocketRules,
    rewrite: rewriteProperty,
  },
  {
    kind: 'config',
    title: '.NET settings',
    files: named(/^(?:launchSettings|appsettings(?:\.Development|\.Local)?)\.json$/),
    comments: 'slashes',
    rules: launchRules,
    rewrite: dotnetAdvice,
  },
  {
    kind: 'config',
    title: 'tool settings',
    files: (path) =>
      /(?:^|\/)(?:wrangler\.(?:toml|jsonc?)|alembic\.ini|angular\.json|project\.json|firebase\.json|supabase\/config\.toml)$/.test(
        path,
      ),
    comments: 'hash',
    rules: [...startRules, ...stackRules],
    rewrite: (line) => line,
  },
]

/** What listens inside a container, or a cluster, is no clash on this machine: ports there are told, and are no fault. */
const insideRules: readonly Rule[] = [
  { rule: 'inside', role: 'reached', pattern: /^\s*EXPOSE\s+(?<port>\d{2,5})\b/dgim },
  { rule: 'inside', role: 'reached', pattern: /^\s*ENV\s+(?:\w+_)?PORT[ =]["']?(?<port>\d{2,5})\b/dgim },
  { rule: 'inside', role: 'reached', pattern: /^\s*listen\s+(?:[\w.]+:|\[::\]:)?(?<port>\d{2,5})\b/dgm },
  {
    rule: 'inside',
    role: 'reached',
    pattern: /^\s*-?\s*(?:containerPort|nodePort|hostPort|targetPort|port):\s*(?<port>\d{2,5})\b/dgm,
  },
]

const inside = { kind: 'inside', comments: 'hash', rules: insideRules, rewrite: (line: string) => line } as const

export const insideFiles: readonly FileKind[] = [
  { ...inside, title: 'Dockerfile', files: named(/^(?:Dockerfile|Containerfile)(?:\.[\w-]+)?$|\.Dockerfile$/i) },
  {
    ...inside,
    title: 'nginx file',
    files: (path) => /(?:^|\/)nginx[\w.-]*\.conf(?:\.template)?$|(?:^|\/)nginx\/.*\.conf(?:\.template)?$/.test(path),
  },
  {
    ...inside,
    title: 'Kubernetes file',
    files: (path) => /(?:^|\/)(?:k8s|kubernetes|helm|charts?|kustomize|manifests)\/.*\.ya?ml$/.test(path),
  },
  {
    ...inside,
    title: 'container script',
    files: (path) => /(?:^|\/)(?:docker-)?entrypoint(?:\.\w+)?$|(?:^|\/)\.?docker\/.*\.sh$/.test(path),
  },
]
