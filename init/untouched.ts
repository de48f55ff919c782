/** Whether a file is still as `init` wrote it, however a formatter may have laid it out since. Pure. */
import { createHash } from 'node:crypto'
import { parseJson } from '../lib/files/json.ts'

/** SHA-256 (hex). */
export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** The same for all layouts of a text: what a manifest keeps of a file in the copy. */
export function fingerprintOf(path: string, text: string): string {
  return hashOf(withoutLayout(path, text))
}

/** `recorded` is a fingerprint, or, where an older version wrote the file, the hash of the very text. */
export function isUntouched(path: string, text: string, recorded: string | undefined): boolean {
  return recorded === fingerprintOf(path, text) || recorded === hashOf(text)
}

/**
 * Formatters of code set blanks, semicolons, commas, brackets, quotes, their escapes, and a bar before the first of several
 * types. An edit of those alone is taken for a formatter's.
 */
export function withoutLayout(path: string, text: string): string {
  const value = path.endsWith('.json') ? parseJson(text) : undefined
  return value === undefined
    ? text.replace(/([=:<([{?,]\s*)\|(?!\|)/g, '$1').replace(/[\s;,()'"`\\]/g, '')
    : JSON.stringify(value)
}
