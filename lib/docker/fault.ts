/** What went wrong, by the words of the engine: `docker` has one exit code for nearly everything. */
import { IsolateError } from '../report/isolate-error.ts'
import { visible } from '../report/visible-text.ts'

export type Fault = 'name taken' | 'port taken' | 'image missing' | 'disk full'

/** In this order: a message about a name may hold any word in the name. Docker 20 to 29, Docker Desktop, podman 4 and 5. */
const faultWords: readonly [Fault, RegExp][] = [
  ['name taken', /container name "[^"]*" is already in use/i],
  [
    'port taken',
    /port is already allocated|address already in use|ports are not available|proxy already running|access a socket in a way forbidden/i,
  ],
  ['disk full', /no space left on device|disk quota exceeded/i],
  ['image missing', /no such image|image not known|unable to find image/i],
]

/** Undefined for words that are none of those. Pure. */
export function findFault(stderr: string): Fault | undefined {
  return faultWords.find(([, words]) => words.test(stderr))?.[0]
}

/** The end of what a program wrote, at most `count` lines, without empty ones, safe to show. Pure. */
export function lastLines(text: string, count: number): string[] {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '')
  return lines.slice(-count).map((line) => visible(line.replaceAll('\t', ' ')))
}

/** Docker's pointers to its own help, which say nothing of the failure. */
const pointerToHelp = /^(?:See 'docker .*--help'|Run 'docker .*--help' for more information|Usage: )/

/** The error for a docker command that failed on `subject`; `purpose` completes "… cannot be"; `hint` for want of a better one. Pure. */
export function dockerFailure(
  subject: string,
  purpose: string,
  stderr: string,
  options: { hint?: string } = {},
): IsolateError {
  const words = lastLines(stderr, 8).filter((line) => !pointerToHelp.test(line))
  const said = words.join('\n  ').replace(/^(?:docker: )?(?:Error response from daemon|Error): /i, '')
  const message = `${subject} cannot be ${purpose}: ${said || 'docker says no more'}`
  if (findFault(stderr) !== 'disk full') return new IsolateError(message, options)
  return new IsolateError(message, {
    hint: 'The disk of the container engine is full. See what takes the space: docker system df',
  })
}
