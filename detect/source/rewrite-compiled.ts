/** The line to write instead of a fixed port, in compiled languages and their like. Pure. */
import type { Rewrite } from './port-hit.ts'
import { findString, splice } from './rewrite-port.ts'

/** How a language reads a variable: as a number, and joined with what stands before and after it in a string. */
type Language = {
  number: (name: string, port: number) => string
  join: (before: string, after: string, name: string, port: number) => string
}

function rewriteWith({ number, join }: Language): Rewrite {
  return (line, start, end, port, name) => {
    const string = findString(line, start)
    if (string === undefined) return splice(line, start, end, number(name, port))
    const [before, after] = [line.slice(string.start + 1, start), line.slice(end, string.end)]
    return splice(line, string.start, string.end + 1, join(before, after, name, port))
  }
}

/** `a + b`, without what is empty. */
function plus(operator: string, ...parts: readonly string[]): string {
  return parts.filter((part) => part !== '""').join(operator)
}

/** cmp.Or: Go 1.22. */
export const rewriteGo: Rewrite = rewriteWith({
  number: (name, port) => `must(strconv.Atoi(cmp.Or(os.Getenv("${name}"), "${port}")))`,
  join: (before, after, name, port) =>
    plus(' + ', `"${before}"`, `cmp.Or(os.Getenv("${name}"), "${port}")`, `"${after}"`),
})

export const rewriteRust: Rewrite = rewriteWith({
  number: (name, port) => `std::env::var("${name}").ok().and_then(|port| port.parse().ok()).unwrap_or(${port})`,
  join: (before, after, name, port) =>
    `format!("${before}{}${after}", std::env::var("${name}").unwrap_or("${port}".into()))`,
})

export const rewriteJvm: Rewrite = rewriteWith({
  number: (name, port) => `Integer.parseInt(System.getenv().getOrDefault("${name}", "${port}"))`,
  join: (before, after, name, port) =>
    plus(' + ', `"${before}"`, `System.getenv().getOrDefault("${name}", "${port}")`, `"${after}"`),
})

export const rewriteDotnet: Rewrite = rewriteWith({
  number: (name, port) => `int.Parse(Environment.GetEnvironmentVariable("${name}") ?? "${port}")`,
  join: (before, after, name, port) =>
    plus(' + ', `"${before}"`, `(Environment.GetEnvironmentVariable("${name}") ?? "${port}")`, `"${after}"`),
})

export const rewritePhp: Rewrite = rewriteWith({
  number: (name, port) => `(int) (getenv('${name}') ?: ${port})`,
  join: (before, after, name, port) => plus(' . ', `"${before}"`, `(getenv('${name}') ?: ${port})`, `"${after}"`),
})

export const rewriteElixir: Rewrite = rewriteWith({
  number: (name, port) => `String.to_integer(System.get_env("${name}") || "${port}")`,
  join: (before, after, name, port) => `"${before}#{System.get_env("${name}") || "${port}"}${after}"`,
})

/** Spring and Quarkus: `${PORT:8080}`. */
export const rewriteProperty: Rewrite = (line, start, end, port, name) =>
  splice(line, start, end, `\${${name}:${port}}`)
