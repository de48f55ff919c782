/** Ruby. */
import type { FileKind } from '../file-kind.ts'
import { addressRule, type Rule } from '../port-hit.ts'
import { rewriteRuby } from '../rewrite-port.ts'

const rules: readonly Rule[] = [
  { rule: 'listen', role: 'listens', pattern: /^\s*(?:port\s+|set\s+:port,\s*)(?<port>\d{2,5})\b/dgm },
  { rule: 'listen', role: 'listens', pattern: /^\s*bind\s+["']tcp:\/\/[^"'\s]*:(?<port>\d{2,5})\b/dgm },
  { rule: 'listen', role: 'listens', pattern: /\bPort(?::|\s*=>)\s*(?<port>\d{2,5})\b/dg },
  { rule: 'listen', role: 'listens', pattern: /\bTCPServer\.(?:new|open)\([^()\n]*?(?<port>\d{2,5})\b/dg },
  addressRule,
]

export const ruby: FileKind = {
  kind: 'ruby',
  files: (path) => /\.(?:rb|ru|rake)$|(?:^|\/)Rakefile$/.test(path),
  comments: 'hash',
  rules,
  rewrite: rewriteRuby,
}
