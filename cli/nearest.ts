/** Guesses which word was meant. */

/** The candidate that takes the fewest edits to reach, if those are few for the length of the words. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates
    .map((candidate) => ({ candidate, edits: countEdits(word, candidate) }))
    .filter(({ candidate, edits }) => edits <= editsAllowed(Math.max(word.length, candidate.length)))
    .toSorted((a, b) => a.edits - b.edits)
  return ranked[0]?.candidate
}

/** A third of the letters; in short words two, but never more than half. */
function editsAllowed(length: number): number {
  return Math.max(length / 3, Math.min(2, length / 2))
}

/** Insertions, deletions and replacements that turn one into the other (Levenshtein). */
function countEdits(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const replaced = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1)
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    previous = current
  }
  return previous[to.length] ?? 0
}
