/** Python. */
import type { FileKind } from '../file-kind.ts'
import { addressRule, enclosingCall, type Match, type Rule } from '../port-hit.ts'
import { rewritePython } from '../rewrite-port.ts'
import { isText } from '../ui-text.ts'

const rules: readonly Rule[] = [
  {
    rule: 'listen',
    role: 'listens',
    pattern: /\bport\s*=\s*(?<port>\d{2,5})\b/dg,
    isMeant: ({ text, index }) =>
      /(?:^|\.)(?:run|serve|run_app|create_server|start_server|launch|Config|listen|TCPSite)$/.test(
        enclosingCall(text, index) ?? '',
      ),
  },
  { rule: 'listen', role: 'listens', pattern: /\.listen\(\s*(?<port>\d{2,5})\b/dg },
  { rule: 'listen', role: 'listens', pattern: /\.bind\(\s*\(\s*[^,()\n]*,\s*(?<port>\d{2,5})\s*\)/dg },
  {
    rule: 'listen',
    role: 'listens',
    pattern: /\b(?:run|serve|run_app|start_server|TCPSite)\(\s*(?:\w+\s*,\s*)?["'][\w.:]*["'],\s*(?<port>\d{2,5})\b/dg,
  },
  {
    rule: 'listen',
    role: 'listens',
    pattern: /(?:Server|run_simple)\(\s*\(?["'][^"'\n]*["'],\s*(?<port>\d{2,5})\b/dg,
  },
  { rule: 'listen', role: 'listens', pattern: /["']runserver["'],\s*["'](?:[\w.]+:)?(?<port>\d{2,5})["']/dg },
  // argparse's and click's, unless a variable comes first.
  {
    rule: 'option',
    role: 'listens',
    isDefault: true,
    pattern:
      /\b(?:add_argument|option)\((?!(?:[^()]|\([^()]*\))*\benvvar\b)\s*(?:["']-\w["']\s*,\s*)?["']--(?:(?:http|https|web|server|api|app|listen|dev)-)?port["'](?:[^()]|\([^()]*\))*?\bdefault\s*=\s*["']?(?<port>\d{2,5})\b/dg,
  },
  {
    rule: 'constant',
    role: 'listens',
    pattern: /^(?:(?:SERVER|HTTP|APP|API|WEB)_)?PORT\s*(?::\s*int\s*)?=\s*(?<port>\d{2,5})[ \t]*$/dgm,
  },
  { ...addressRule, rule: 'listen', role: 'listens', pattern: /^bind\s*=\s*\[?\s*["'][\w.]*:(?<port>\d{2,5})["']/dgm },
  {
    ...addressRule,
    isMeant: (match) => addressRule.isMeant(match) && !isPydanticDefault(match) && !isCompared(match),
  },
]

export const python: FileKind = {
  kind: 'python',
  files: (path) => path.endsWith('.py'),
  comments: 'python',
  rules,
  rewrite: rewritePython,
}

/** A field of pydantic's BaseSettings takes its value from the environment. */
function isPydanticDefault({ text, index }: Match): boolean {
  const line = text.slice(text.lastIndexOf('\n', index) + 1, index)
  return /^\s+\w+\s*:[^=]+=/.test(line) && /\bBaseSettings\b/.test(text)
}

/** Django's help_text and the like, and what a test compares with. */
function isCompared(match: Match): boolean {
  const line = match.text.slice(match.text.lastIndexOf('\n', match.index) + 1, match.index)
  return /^\s*assert\b/.test(line) || (/\w+=\s*["'][^"']*$/.test(line) && isText(match))
}
