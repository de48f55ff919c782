/** JSON from outside. */

/** Undefined for text that is not JSON; a byte order mark is passed over. What the value is remains to be checked. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
