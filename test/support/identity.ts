/** A process of the identity tests: says who it is and waits, or, told of another, whether that lives. Argument: a source. stdin: an identity. */
import { readFileSync } from 'node:fs'
import { isAlive, ownIdentity, parseProcessIdentity, type ProcessSource } from '../../lib/processes/process-identity.ts'

const source: ProcessSource = process.argv[2] === 'ps' ? 'ps' : 'proc'

if (process.argv[3] === 'judge') {
  const identity = parseProcessIdentity(JSON.parse(readFileSync(0, 'utf8')))
  process.stdout.write(identity === undefined ? 'unreadable' : isAlive(identity, source) ? 'alive' : 'dead')
} else {
  process.stdout.write(`${JSON.stringify(ownIdentity(source))}\n`)
  process.stdin.resume()
}
