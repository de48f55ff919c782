/** Names made of texts: as long as they are told apart, and no longer. */
import { createHash } from 'node:crypto'

/** The first hex digits of the text's SHA-256; 16 of them are 64 bits. */
export function digestOf(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits)
}
