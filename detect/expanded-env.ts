/** The values of an env file as a program sees them: references to other variables of the same file followed. Pure. */
import { parseReferences, substitute, writePieces } from '../lib/env-text/references.ts'
import { parseEnvStatements } from '../lib/env-text/syntax.ts'

export type ExpandedValue = {
  key: string
  /** '' for an assignment of nothing. A reference to what is not in the file stays as it is written, unless it has a default. */
  value: string
  /** From 1. */
  line: number
}

/** In the file's order; of a key that is set twice both. A reference may come before what it names, as dotenv-expand has it. */
export function readExpandedValues(text: string): ExpandedValue[] {
  const found = parseEnvStatements(text).flatMap(({ assignment, line }) =>
    assignment === undefined ? [] : [{ key: assignment.key, body: assignment.body, quote: assignment.quote, line }],
  )
  const bodies = new Map(found.filter(({ quote }) => quote !== "'").map(({ key, body }) => [key, body]))
  for (const { key, body, quote } of found) if (quote === "'") bodies.set(key, body)
  return found.map(({ key, body, quote, line }) => ({
    key,
    line,
    value: quote === "'" ? body : expand(body, key, bodies),
  }))
}

/** Variables of variables: no env file goes deeper. */
const rounds = 4

function expand(body: string, key: string, bodies: ReadonlyMap<string, string>): string {
  const known = Object.fromEntries([...bodies].filter(([name]) => name !== key))
  let text = body
  for (let round = 0; round < rounds && text.includes('$'); round += 1) {
    text = writePieces(substitute(parseReferences(text, { hasEscapes: false }), known), (literal) => literal)
  }
  // What is set nowhere and has a default.
  return text.replace(/\$\{\w+:?-([^${}]*)\}/g, '$1')
}
