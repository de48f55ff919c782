/** Command lines: scripts of package.json and composer.json, Procfiles, Makefiles, justfiles, shell scripts. */
import type { FileKind } from '../file-kind.ts'
import { addressRule, type Rule } from '../port-hit.ts'
import { rewriteJust, rewriteMake, rewriteMember, rewriteShell } from '../rewrite-port.ts'

/** Programs whose `-p` is something else. */
const otherPrograms = 'docker|podman|mkdir|cp|ssh|scp|rsync|tsc|tar|install|psql|mysql|redis-cli|pg_dump'

const rules: readonly Rule[] = [
  { rule: 'command', role: 'listens', pattern: /\s--(?:[a-z]+-)?port[= ]["']?(?<port>\d{2,5})(?![\d:])/dg },
  {
    rule: 'command',
    role: 'listens',
    pattern: new RegExp(
      String.raw`(?<!\b(?:${otherPrograms})\b[^\n&;|"]*)\s-p[ =]?(?<port>\d{2,5})(?![\d:.\w/])`,
      'dg',
    ),
  },
  { rule: 'command', role: 'listens', pattern: /\s(?:-p|--publish)[= ]["']?(?:[\d.]+:)?(?<port>\d{2,5}):\d/dg },
  {
    rule: 'command',
    role: 'listens',
    pattern: /\s(?:-b|--bind|-l|--listen|-S)[= ]["']?(?:[\w.]*:)?(?<port>\d{2,5})(?![\d.\w])/dg,
  },
  { rule: 'command', role: 'listens', pattern: /\brunserver(?:_plus)?\s+(?:[\w.]+:)?(?<port>\d{2,5})\b/dg },
  { rule: 'command', role: 'listens', pattern: /\bhttp\.server\s+(?<port>\d{2,5})\b/dg },
  { rule: 'command', role: 'listens', pattern: /(?<![\w{$])(?:[A-Z]+_)*PORT=["']?(?<port>\d{2,5})\b/dg },
  { rule: 'command', role: 'listens', pattern: /^(?:[A-Z]+_)*PORT[ \t]*:?=[ \t]*(?<port>\d{2,5})[ \t]*$/dgm },
  { rule: 'command', role: 'listens', pattern: /^(?:\w+_)?port[ \t]*:=[ \t]*["']?(?<port>\d{2,5})["']?[ \t]*$/dgm },
  { rule: 'command', role: 'listens', pattern: /\bkill-port\s+(?<port>\d{2,5})\b|\blsof\s[^\n|]*:(\d{2,5})\b/dg },
  { rule: 'command', role: 'listens', pattern: /\btcp:(?:localhost:)?(?<port>\d{2,5})\b/dg },
  {
    rule: 'command',
    role: 'listens',
    pattern: /\b(?:start-server-and-test|start-test|start-test-server)\s+(?:["'\\]*\S+\s+)?:?(?<port>\d{2,5})\b/dg,
  },
  { rule: 'command', role: 'listens', pattern: /\bwait-on\s+(?:-\S+\s+)*:(?<port>\d{2,5})\b/dg },
  addressRule,
]

export const packages: FileKind = {
  kind: 'package',
  title: 'package.json',
  files: (path) => /(?:^|\/)package\.json$/.test(path),
  comments: 'none',
  rules,
  rewrite: rewriteMember,
  narrow: keepScripts,
}

export const composer: FileKind = {
  ...packages,
  title: 'composer.json',
  files: (path) => /(?:^|\/)composer\.json$/.test(path),
}

export const makefile: FileKind = {
  kind: 'command',
  title: 'Makefile',
  files: (path) => /(?:^|\/)\w*[Mm]akefile$|\.mk$/.test(path),
  comments: 'hash',
  rules,
  rewrite: rewriteMake,
}

export const justfile: FileKind = {
  ...makefile,
  title: 'justfile',
  files: (path) => /(?:^|\/)\.?justfile$|\.just$/i.test(path),
  rewrite: rewriteJust,
}

export const procfile: FileKind = {
  ...makefile,
  title: 'Procfile',
  files: (path) => /(?:^|\/)Procfile(?:\.\w+)?$/.test(path),
  rewrite: rewriteShell,
}

export const shell: FileKind = {
  kind: 'command',
  files: (path) =>
    /\.(?:sh|bash|zsh)$|(?:^|\/)bin\/[\w-]+$|(?:^|\/)(?:Taskfile|mprocs|process-compose)\.ya?ml$/.test(path),
  comments: 'hash',
  rules,
  rewrite: rewriteShell,
}

/** The value of the top's "scripts"; all else blank, column for column. */
function keepScripts(code: readonly string[]): readonly string[] {
  const text = code.join('\n')
  const start = /"scripts"\s*:\s*\{/.exec(text)
  if (start === null) return code.map(() => '')
  const first = start.index + start[0].length
  const end = endOfObject(text, first)
  return (blank(text.slice(0, first)) + text.slice(first, end) + blank(text.slice(end))).split('\n')
}

function blank(part: string): string {
  return part.replace(/[^\n]/g, ' ')
}

/** The position of the `}` that ends the object whose content begins at `start`. */
function endOfObject(text: string, start: number): number {
  let depth = 1
  for (const { index, 0: token } of text.slice(start).matchAll(/"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (token === '{') depth++
    if (token === '}' && --depth === 0) return start + index
  }
  return text.length
}
