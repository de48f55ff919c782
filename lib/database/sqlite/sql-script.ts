/** The text of a .sql file, as all engines get it. */
import { readFile } from 'node:fs/promises'

/**
 * Without a byte order mark, and with an end that fails ("cannot start a transaction within a transaction") where the
 * script leaves a transaction open: SQLite would undo it without a word when the connection is closed.
 */
export async function readSqlScript(path: string): Promise<string> {
  const text = await readFile(path, 'utf8')
  return `${text.replace(/^\uFEFF/, '')}\n;\nBEGIN;\nCOMMIT;\n`
}
