/** Whether two paths lead to one thing. */
import { findStatus } from './read-if-any.ts'

/** Symlinks are followed; false where either leads nowhere. */
export function isSameFile(one: string, other: string): boolean {
  const [a, b] = [findStatus(one), findStatus(other)]
  return a !== undefined && a.ino === b?.ino && a.dev === b.dev
}
