/** Ports that the environment may change, where nothing says that it does: what a variable falls back to. Pure. */
import { isPort, lineAt, severityOf, wellKnownVariable, type CodeText, type Hit, type NameOf } from './port-hit.ts'

/** How the languages read a variable with something to fall back to: `name`, then `port`. */
const forms: readonly RegExp[] = [
  /(?:process\.env|import\.meta\.env|(?:Deno|Bun)\.env)(?:\.|\[["'])(?<name>\w+)["'\])\s]*(?:\|\||\?\?)\s*(?:Number\(|parseInt\()?["'`]?(?<url>\w+:\/\/[\w.]+:)?(?<port>\d{2,5})\b/dg,
  /(?:environ\.get|[gG]et_?[eE]nv|getOrDefault|\bdecouple\.config|\benv(?:\.int|\.str|Or\w*)?|\bconfig)\(\s*["'](?<name>\w+)["']\s*,\s*(?:default=)?["']:?(?<url>\w+:\/\/[\w.]+:)?(?<port>\d{2,5})\b/dg,
  /(?:environ\.get|[gG]et_?[eE]nv|\benv(?:\.int|\.str|Or\w*)?|\bconfig)\(\s*["'](?<name>\w+)["']\s*,\s*(?:default=)?(?<port>\d{2,5})\b/dg,
  /ENV\.fetch\(\s*["'](?<name>\w+)["']\s*(?:,|\)\s*\{)\s*["']?(?<url>\w+:\/\/[\w.]+:)?(?<port>\d{2,5})\b/dg,
  /ENV\[["'](?<name>\w+)["']\]\s*\|\|\s*["']?(?<url>\w+:\/\/[\w.]+:)?(?<port>\d{2,5})\b/dg,
  /os\.Getenv\("(?<name>\w+)"\),\s*":?(?<port>\d{2,5})"/dg,
  /env::var\("(?<name>\w+)"\)[^;]{0,120}?unwrap_or\w*\([^\d;]{0,40}(?<port>\d{2,5})\b/dg,
  /get_env\("(?<name>\w+)"\)\s*\|\|\s*"?(?<port>\d{2,5})\b/dg,
  /\$\{(?<name>\w+):?-(?<url>\w+:\/\/[\w.]+:)?(?<port>\d{2,5})\}/dg,
  /\$\{(?<name>[A-Z]\w*):(?<url>\w+:\/\/[\w.]+:)?(?<port>\d{2,5})\}/dg,
]

/** What other kinds of servers read, which have checks of their own. */
export const isOfService =
  /DB|DATABASE|PG|POSTGRES|SQL|MARIA|MONGO|REDIS|VALKEY|SMTP|MAIL|AMQP|RABBIT|KAFKA|ELASTIC|MINIO|S3|SSH/

/** Those whose variable is not among `set`. PORT, where nothing else is known of it, is. */
export function findUnset({ text, starts }: CodeText, set: ReadonlySet<string>, nameOf: NameOf): Hit[] {
  return forms.flatMap((form) =>
    [...text.matchAll(form)].flatMap((found): Hit[] => {
      const { name = '', url, port: written = '' } = found.groups ?? {}
      const port = Number(written)
      const isRead = url === undefined ? /PORT/.test(name) : /localhost|127\.0\.0\.1|0\.0\.0\.0/.test(url)
      if (!isRead || set.has(name) || isOfService.test(name) || !isPort(port)) return []
      if (wellKnownVariable(port) !== undefined || isHelped(text, found.index, set)) return []
      const value = valueFor(name, port, nameOf)
      const setting = `${name}=${url === undefined ? '' : url}${value}`
      const line = lineAt(starts, found.indices?.groups?.['port']?.[0] ?? found.index) + 1
      const severity = severityOf(url === undefined ? 'listens' : 'reached')
      return [{ rule: 'unset', severity, line, port, fix: '', variable: name, setting }]
    }),
  )
}

/** Another variable of the same line, which comes first or last, is set: `env.API_URL ?? env.BASE_URL ?? …`. */
function isHelped(text: string, index: number, set: ReadonlySet<string>): boolean {
  const [start, end] = [text.lastIndexOf('\n', index) + 1, text.indexOf('\n', index)]
  const line = text.slice(start, end === -1 ? undefined : end)
  return (line.match(/\b[A-Z][A-Z0-9_]{2,}\b/g) ?? []).some((word) => set.has(word))
}

/** A port of that name, unless the number has one already. */
function valueFor(variable: string, port: number, nameOf: NameOf): string {
  const { variable: usual, value } = nameOf(port)
  if (value !== undefined && !usual.startsWith('PORT_')) return value
  const name = variable.replace(/^(?:VITE|NEXT_PUBLIC|REACT_APP|EXPO_PUBLIC|PUBLIC)_/, '').replace(/_?PORT$/, '')
  return name === '' || !/PORT/.test(variable) ? (value ?? '$AGENT_DYNAMIC_PORT') : `$AGENT_PORT_${name}`
}
