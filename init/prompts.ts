/** The questions as a terminal shows them, on stderr: stdout belongs to the answer. Esc, Ctrl-C and Ctrl-D throw `Cancelled`. */
import { type CANCEL_SYMBOL, confirm, isCancel, multiselect, select, text, updateSettings } from '@clack/prompts'

/** The user left; nothing has been changed. */
export class Cancelled extends Error {}

/** What clack is to write to. */
export const screen = process.stderr

/** Whether there is someone to ask: keys come from a terminal and questions go to one. */
export function hasTerminal(): boolean {
  return process.stdin.isTTY && screen.isTTY
}

/** To be called once before the first question: at the end of input (Ctrl-D) clack would wait for ever. */
export function preparePrompts(): void {
  updateSettings({ aliases: { '\u0004': 'cancel' } })
}

/** One of the options' values, `initialValue` to begin with. */
export async function askChoice<T extends string>(
  message: string,
  options: readonly { value: T; label: string; hint?: string }[],
  initialValue: T,
): Promise<T> {
  const answer = settle(
    await select<string>({ message, options: [...options], initialValue, output: screen, showInstructions: false }),
  )
  return options.find(({ value }) => value === answer)?.value ?? initialValue
}

/** Any number of `values`, the `initialValues` to begin with. */
export async function askSubset(
  message: string,
  values: readonly string[],
  initialValues: readonly string[],
): Promise<string[]> {
  const options = values.map((value) => ({ value }))
  const settings = { initialValues, required: false, maxItems: 12, output: screen }
  return settle(await multiselect<string>({ message, options, ...settings }))
}

/** A line of text without blanks at its ends; `check` tells what is wrong with it. */
export async function askText(
  message: string,
  initialValue: string,
  check: (text: string) => string | undefined,
): Promise<string> {
  const validate = (value: string | undefined): string | undefined => check((value ?? '').trim())
  // An empty line comes as undefined, whatever the types say.
  const answer: string | undefined = settle(await text({ message, initialValue, validate, output: screen }))
  return (answer ?? '').trim()
}

export async function askYes(message: string, initialValue: boolean): Promise<boolean> {
  return settle(await confirm({ message, initialValue, output: screen }))
}

function settle<T>(answer: T | typeof CANCEL_SYMBOL): T {
  if (isCancel(answer)) throw new Cancelled()
  return answer
}
