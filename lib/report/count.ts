/** "1 commit", "3 commits": a noun whose plural has an s. Pure. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
