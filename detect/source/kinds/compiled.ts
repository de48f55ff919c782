/** Go, Rust, the JVM's languages, C#, PHP, Elixir. */
import type { FileKind } from '../file-kind.ts'
import { addressRule, enclosingCall, type Match, type Rule } from '../port-hit.ts'
import { rewriteElixir, rewriteGo, rewriteJvm, rewriteDotnet, rewritePhp, rewriteRust } from '../rewrite-compiled.ts'

/** Such a name elsewhere in the file gets its value from the environment. */
function isFromEnvironment({ text, groups: [, name = ''] }: Match): boolean {
  return new RegExp(`\\b${name}\\b[^\\n]*(?:Getenv|LookupEnv|getenv|env::var|viper)`, 'i').test(text)
}

const goRules: readonly Rule[] = [
  {
    rule: 'listen',
    role: 'listens',
    pattern:
      /\b(?:ListenAndServe(?:TLS)?|Listen(?:TLS)?|Run(?:TLS)?|Start(?:TLS)?)\(\s*(?:"\w+",\s*)?"[\w.]*:(?<port>\d{2,5})"/dg,
  },
  { rule: 'listen', role: 'listens', pattern: /\b\w*Addr(?:ess)?:\s*"[\w.]*:(?<port>\d{2,5})"/dg },
  {
    rule: 'constant',
    role: 'listens',
    pattern: /\b(\w*(?:[pP]ort|[aA]ddr))\s*(?:string|int)?\s*:?=\s*"?(?:[\w.]*:)?(?<port>\d{2,5})"?[ \t]*$/dgm,
    isMeant: (match) => !isFromEnvironment(match),
  },
  {
    rule: 'flag',
    role: 'listens',
    pattern: /\bflag\.\w+\([^()\n]*"[\w-]*(?:port|addr|listen)[\w-]*",\s*"?(?:[\w.]*:)?(?<port>\d{2,5})\b/dg,
  },
  addressRule,
]

const rustRules: readonly Rule[] = [
  { rule: 'listen', role: 'listens', pattern: /\bbind\w*\(\s*&?\(?\s*"[^"\n]*:(?<port>\d{2,5})"/dg },
  { rule: 'listen', role: 'listens', pattern: /\bbind\w*\(\s*\(\s*[^,()\n]+,\s*(?<port>\d{2,5})\s*\)/dg },
  {
    rule: 'listen',
    role: 'listens',
    pattern: /(?:\(\s*\[\s*\d+(?:\s*,\s*\d+){3}\s*\]|Ipv4Addr::\w+(?:\([^)]*\))?)\s*,\s*(?<port>\d{2,5})\b/dg,
  },
  {
    rule: 'constant',
    role: 'listens',
    pattern: /\b(?:const|let|static)\s+(\w*(?:port|PORT))\s*(?::\s*\w+\s*)?=\s*(?<port>\d{2,5})\w*\s*;/dg,
    isMeant: (match) => !isFromEnvironment(match),
  },
  addressRule,
]

const jvmRules: readonly Rule[] = [
  {
    rule: 'listen',
    role: 'listens',
    pattern:
      /\b(?:setPort|ServerSocket|InetSocketAddress|\.listen|\.start|\.port)\(\s*(?:"[\w.]*",\s*)?(?<port>\d{2,5})\b/dg,
  },
  {
    rule: 'listen',
    role: 'listens',
    pattern: /\bport\s*=\s*(?<port>\d{2,5})\b/dg,
    isMeant: ({ text, index }) => /[sS]erver|^serve$/.test(enclosingCall(text, index) ?? ''),
  },
  addressRule,
]

const dotnetRules: readonly Rule[] = [
  {
    rule: 'listen',
    role: 'listens',
    pattern: /\b(?:Run|UseUrls)\(\s*"https?:\/\/[^"\n]*?:(?<port>\d{2,5})\b/dg,
  },
  { rule: 'listen', role: 'listens', pattern: /\bListen(?:Localhost|AnyIP)?\(\s*(?:[\w.]+,\s*)?(?<port>\d{2,5})\b/dg },
  { rule: 'listen', role: 'listens', pattern: /\bUrls\.Add\(\s*"https?:\/\/[^"\n]*?:(?<port>\d{2,5})\b/dg },
  addressRule,
]

const phpRules: readonly Rule[] = [
  { rule: 'listen', role: 'listens', pattern: /\bServer\(\s*["'][\w.]*["'],\s*(?<port>\d{2,5})\b/dg },
  { rule: 'listen', role: 'listens', pattern: /->(?:listen|bind)\(\s*(?:["'][\w.]*["'],\s*)?(?<port>\d{2,5})\b/dg },
  addressRule,
]

const elixirRules: readonly Rule[] = [
  {
    rule: 'listen',
    role: 'listens',
    pattern: /\bhttps?:\s*\[[^\]]*?\bport:\s*(?<port>\d{2,5})\b/dg,
    isMeant: ({ text }) => !/\bserver:\s*false\b/.test(text),
  },
  { rule: 'listen', role: 'listens', pattern: /\b(?:Cowboy|Bandit)\b[^\n]*?\bport:\s*(?<port>\d{2,5})\b/dg },
  addressRule,
]

const slashes = { comments: 'slashes' } as const

export const compiled: readonly FileKind[] = [
  { ...slashes, kind: 'go', files: (path) => path.endsWith('.go'), rules: goRules, rewrite: rewriteGo },
  { ...slashes, kind: 'rust', files: (path) => path.endsWith('.rs'), rules: rustRules, rewrite: rewriteRust },
  {
    ...slashes,
    kind: 'jvm',
    files: (path) => /\.(?:java|kts?|scala|groovy)$/.test(path),
    rules: jvmRules,
    rewrite: rewriteJvm,
  },
  {
    ...slashes,
    kind: 'dotnet',
    files: (path) => /\.(?:cs|fs)$/.test(path),
    rules: dotnetRules,
    rewrite: rewriteDotnet,
  },
  { ...slashes, kind: 'php', files: (path) => path.endsWith('.php'), rules: phpRules, rewrite: rewritePhp },
  {
    kind: 'elixir',
    comments: 'hash',
    files: (path) => /\.exs?$/.test(path) && !/(?:^|\/)config\/(?:prod|releases)\.exs$/.test(path),
    rules: elixirRules,
    rewrite: rewriteElixir,
  },
]
