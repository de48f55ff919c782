/** One query by the simple query protocol on a stream where a user is logged in. */
import type { MessageStream } from './message-stream.ts'
import {
  copyFailMessage,
  type Message,
  type PostgresError,
  queryMessage,
  queryTypes,
  readColumns,
  readError,
  readParameter,
  readRow,
  type Row,
} from './protocol.ts'

/** Enough for any answer to a control statement; it keeps a broken server from filling the memory. */
const maxMessageBytes = 64 * 1024 * 1024

type Answer = {
  rows: Row[]
  columns: readonly string[]
  /** The first one: what comes after it is its consequence. */
  error: PostgresError | undefined
  hasCopy: boolean
}

/** Resolves when the server takes the next query. `parameters` is kept up to date. Errors as in `Connection.query`. */
export async function runQuery(stream: MessageStream, sql: string, parameters: Map<string, string>): Promise<Row[]> {
  const answer: Answer = { rows: [], columns: [], error: undefined, hasCopy: false }
  stream.send(queryMessage(sql))
  for (;;) {
    const message = await receiveOrExplain(stream, answer)
    if (message.type === 'Z') break
    if (message.type === 'S') parameters.set(...readParameter(message.body))
    // A COPY from us would wait for ever; the server ends it with an error of its own.
    if (message.type === 'G') stream.send(copyFailMessage('COPY is not supported by this client'))
    read(message, answer)
  }
  if (answer.error !== undefined) throw answer.error
  if (answer.hasCopy) throw new Error('COPY is not supported by this client')
  return answer.rows
}

function read({ type, body }: Message, answer: Answer): void {
  if (type === 'T') {
    answer.columns = readColumns(body)
    answer.rows = []
  }
  if (type === 'D') answer.rows.push(readRow(body, answer.columns))
  if (type === 'E') answer.error ??= readError(body)
  if (type === 'H') answer.hasCopy = true
}

/** A server that ends a session says why before it hangs up: that is the better error. */
async function receiveOrExplain(stream: MessageStream, answer: Answer): Promise<Message> {
  try {
    return await stream.receive(queryTypes, maxMessageBytes)
  } catch (error) {
    throw answer.error ?? error
  }
}
