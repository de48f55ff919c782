/** Reads what Claude Code sends a hook on stdin: one JSON object, after which the pipe may well stay open. */
import { isObject, isText, parseJson } from '../files/json.ts'
import { IsolateError } from '../report/isolate-error.ts'

/** Fields of the payloads that hooks use; each is checked where it is needed. */
export type Payload = Readonly<Record<string, unknown>>

const maximumBytes = 10_000_000
/** A hook that is run by hand without a payload must not wait for ever. */
const patienceMs = 5000

/** Returns as soon as one JSON object is complete; throws `IsolateError` on anything else. */
export async function readPayload(stream: NodeJS.ReadStream): Promise<Payload> {
  if (stream.isTTY) throw new IsolateError('no payload: a JSON object is expected on stdin', { hint: usageHint })
  const text = await readUntil(stream, (received) => parseObject(received) !== undefined)
  const payload = parseObject(text)
  if (payload === undefined) throw new IsolateError('the payload on stdin is not one JSON object', { hint: usageHint })
  return payload
}

/** The payload's field as a non-empty string; undefined when it is missing or something else. */
export function textField(payload: Payload, name: string): string | undefined {
  const value = payload[name]
  return isText(value) ? value : undefined
}

/** The folder that the payload says the session is in; throws `IsolateError` without one. */
export function requireFolder(payload: Payload, name: string): string {
  const folder = textField(payload, name)
  if (folder === undefined) throw new IsolateError(`the payload has no "${name}"`, { hint: usageHint })
  return folder
}

const usageHint = 'Claude Code runs this hook; by hand: echo \'{"cwd":"/repo","name":"x"}\' | HOOK'

function parseObject(text: string): Payload | undefined {
  if (!text.trimEnd().endsWith('}')) return undefined
  const value = parseJson(text)
  return isObject(value) ? value : undefined
}

function readUntil(stream: NodeJS.ReadStream, isComplete: (text: string) => boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const finish = (): void => {
      clearTimeout(timer)
      stream.removeAllListeners('data').removeAllListeners('end').removeAllListeners('error')
      stream.destroy()
      resolve(text)
    }
    const timer = setTimeout(finish, patienceMs)
    stream.setEncoding('utf8')
    stream.on('data', (chunk: string) => {
      text += chunk
      if (text.length > maximumBytes || isComplete(text)) finish()
    })
    stream.on('end', finish)
    stream.on('error', reject)
  })
}
