/**
 * Variants of one long text as what differs, so that a package need not carry both: the program with all its parts, and the
 * shorter one for repositories without a database server. Pure.
 */
import { diffArrays } from 'diff'
import { isObject } from '../lib/files/json.ts'

/** A number stands for that many lines that stay, or, below zero, go; a text for lines that come. */
export type Cuts = readonly (number | string)[]

/** What makes `after` of `before`. */
export function findCuts(before: string, after: string): Cuts {
  return diffArrays(before.split('\n'), after.split('\n')).map(({ added, removed, value }) => {
    if (added) return value.join('\n')
    return removed ? -value.length : value.length
  })
}

/** The inverse of `findCuts`. */
export function applyCuts(text: string, cuts: Cuts): string {
  const lines = text.split('\n')
  let at = 0
  const result = cuts.flatMap((cut) => {
    if (typeof cut === 'string') return [cut]
    const start = at
    at += Math.abs(cut)
    return cut < 0 ? [] : lines.slice(start, at)
  })
  return result.join('\n')
}

/** Accepts parsed JSON; false when it is something else. */
export function areCuts(value: unknown): value is Cuts {
  return (
    Array.isArray(value) && value.every((cut) => typeof cut === 'string' || Number.isInteger(cut)) && !isObject(value)
  )
}
