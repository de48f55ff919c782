/** What stands in for the parts of the program that reach database servers, in a copy for a repository that has none. */
import { UnreachableError } from '../lib/report/unreachable-error.ts'

/** Throws: what is to be made fails with the next step, and what is to be given back is kept for `npx`, which has all parts. */
export function missingServers(): never {
  throw new UnreachableError('this copy of agent-isolate was made without the part for database servers', {
    hint: 'Add it: npx agent-isolate init',
  })
}
