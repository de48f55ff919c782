/** What the demo prints: steps, plain lines, and proofs that stop it where they do not hold. */
import { stdoutColors } from '../cli/colors.ts'
import { IsolateError } from '../lib/report/isolate-error.ts'

export type Show = {
  hasColors: boolean
  title: (text: string) => void
  /** Begins the next numbered step. */
  step: (text: string) => void
  line: (text: string) => void
  /** Something that is not the matter here. */
  aside: (text: string) => void
  /** What is wrong without isolation. */
  trouble: (text: string) => void
  /** States `claim`, or throws with what was found instead. */
  prove: (claim: string, holds: boolean, found: unknown) => void
}

export function createShow(): Show {
  const colors = stdoutColors()
  let steps = 0
  return {
    hasColors: colors.isColorSupported,
    title: (text) => print(colors.bold(text)),
    step: (text) => print(`\n${colors.bold(colors.cyan(String(++steps)))}  ${colors.bold(text)}`),
    line: (text) => print(indent(text)),
    aside: (text) => print(colors.dim(indent(text))),
    trouble: (text) => print(indent(colors.red(`✗ ${text}`))),
    prove(claim, holds, found) {
      if (!holds) {
        throw new IsolateError(`this does not hold: ${claim}`, { hint: `found instead: ${describe(found)}` })
      }
      print(indent(`${colors.green('✓')} ${claim}`))
    },
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '   ')
}

function describe(found: unknown): string {
  return typeof found === 'string' ? found : JSON.stringify(found)
}
