/** Makes comments blank, column for column, so that what is found afterwards is code and where it is found is right. */

/** `slashes`: JavaScript; `hash`: shells, YAML, TOML, Ruby; `python`: the same and strings that stand alone. */
export type CommentStyle = 'slashes' | 'hash' | 'python' | 'none'

export function blankComments(text: string, style: CommentStyle): string {
  if (style === 'none') return text
  return text.replace(patterns[style], (match, ...groups: unknown[]) =>
    groups[0] === undefined ? match : blank(match),
  )
}

/**
 * Strings are matched first, and so skipped; the first group is the comment. Quotes are not matched across lines, so an
 * apostrophe in text or in a regular expression spoils one line at most.
 */
const patterns: Record<Exclude<CommentStyle, 'none'>, RegExp> = {
  slashes:
    /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`|(\/\*[\s\S]*?\*\/|<!--[\s\S]*?-->|(?<![:\\/\w])\/\/[^\n]*)/g,
  hash: /"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|((?<![^\s;])#[^\n]*)/g,
  python:
    /((?<=^[ \t]*)(?:"""[\s\S]*?"""|'''[\s\S]*?''')|#[^\n]*)|"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/gm,
}

function blank(text: string): string {
  return text.replace(/[^\r\n]/g, ' ')
}
