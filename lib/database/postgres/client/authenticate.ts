/** The login on an open stream, up to the moment when the server takes queries: trust, password, MD5 and SCRAM-SHA-256. */
import { ConnectionError } from './connection-error.ts'
import { describeTarget, type PostgresTarget } from './database-url.ts'
import type { MessageStream } from './message-stream.ts'
import {
  loginTypes,
  type Message,
  md5Password,
  passwordMessage,
  readError,
  readInt32,
  readParameter,
  readStrings,
  saslInitialMessage,
  saslMessage,
  startupMessage,
} from './protocol.ts'
import { answerScram, isServerProven, startScram } from './scram.ts'

/** What the server tells about the session. */
export type Session = {
  parameters: Map<string, string>
  /** Body of BackendKeyData: process and secret, for a request to cancel. Undefined where a pooler sends none. */
  cancelKey: Buffer | undefined
}

/** No message of a login is as long, but what comes from something else than PostgreSQL looks so; libpq's limit is 30000. */
const maxLoginBytes = 65_536

const authentication = { ok: 0, cleartext: 3, md5: 5, sasl: 10, saslContinue: 11, saslFinal: 12 }

/** Rejects with `PostgresError` (28P01 wrong password, 3D000 no such database, 57P03 starting up, …) or `ConnectionError`. */
export async function authenticate(
  stream: MessageStream,
  target: PostgresTarget,
  applicationName: string,
): Promise<Session> {
  const { user, database } = target
  stream.send(startupMessage({ user, database, application_name: applicationName, client_encoding: 'UTF8' }))
  await proveIdentity(stream, target)
  const session: Session = { parameters: new Map(), cancelKey: undefined }
  for (;;) {
    const { type, body } = await receive(stream)
    if (type === 'Z') return session
    if (type === 'S') session.parameters.set(...readParameter(body))
    if (type === 'K') session.cancelKey = body
  }
}

async function proveIdentity(stream: MessageStream, target: PostgresTarget): Promise<void> {
  for (;;) {
    const { type, body } = await receive(stream)
    if (type !== 'R') continue
    switch (readInt32(body, 0)) {
      case authentication.ok:
        return
      case authentication.cleartext:
        stream.send(passwordMessage(requirePassword(target)))
        break
      case authentication.md5:
        stream.send(passwordMessage(md5Password(target.user, requirePassword(target), body.subarray(4))))
        break
      case authentication.sasl:
        await proveByScram(stream, target, readStrings(body, 4))
        break
      default:
        throw refusal(target, 'asks for a kind of login that is not supported (Kerberos, or the like)')
    }
  }
}

/** Ends when the server has proved itself; its AuthenticationOk comes next. */
async function proveByScram(
  stream: MessageStream,
  target: PostgresTarget,
  mechanisms: readonly string[],
): Promise<void> {
  if (!mechanisms.includes('SCRAM-SHA-256')) throw refusal(target, `offers no login but ${mechanisms.join(', ')}`)
  const password = requirePassword(target)
  const start = startScram()
  stream.send(saslInitialMessage('SCRAM-SHA-256', start.message))
  const answer = await answerScram(start, await receiveSasl(stream, target, authentication.saslContinue), password)
  if (typeof answer === 'string') throw refusal(target, `cannot be trusted: in the login it sent ${answer}`)
  stream.send(saslMessage(answer.message))
  if (!isServerProven(answer, await receiveSasl(stream, target, authentication.saslFinal)))
    throw refusal(target, 'cannot be trusted: it does not know the password')
}

async function receiveSasl(stream: MessageStream, target: PostgresTarget, step: number): Promise<string> {
  for (;;) {
    const { type, body } = await receive(stream)
    if (type !== 'R') continue
    if (readInt32(body, 0) !== step) throw refusal(target, 'cannot be trusted: it left out a step of the login')
    return body.toString('utf8', 4)
  }
}

async function receive(stream: MessageStream): Promise<Message> {
  const message = await stream.receive(loginTypes, maxLoginBytes)
  if (message.type === 'E') throw readError(message.body)
  return message
}

function requirePassword(target: PostgresTarget): string {
  if (target.password !== undefined) return target.password
  throw refusal(target, `asks for the password of ${target.user}, and none is given`)
}

function refusal(target: PostgresTarget, what: string): ConnectionError {
  return new ConnectionError('EAUTH', `${describeTarget(target)} ${what}`)
}
