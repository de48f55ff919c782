/** A socket to a server as a stream of whole messages. Once it is lost, whoever waits and whoever comes later is told why. */
import type { Socket } from 'node:net'
import { errorCode, errorText } from '../../../report/isolate-error.ts'
import { ConnectionError } from './connection-error.ts'
import type { Message } from './protocol.ts'

export type MessageStream = {
  send(bytes: Buffer): void
  /**
   * The next message, which must be of one of `types` (letters) and of `maxBytes` at most. One at a time. Rejects with a
   * `ConnectionError`, after the last whole message, when the connection is lost.
   */
  receive(types: string, maxBytes: number): Promise<Message>
  /** Ends the connection for this reason, unless it has ended. */
  fail(reason: ConnectionError): void
  /** Sends `farewell` and waits until the server has closed too, for `graceMs` at most. Safe to repeat, never throws. */
  close(farewell: Buffer, graceMs: number): Promise<void>
}

/** `server` is what messages call it. The socket is connected, and has no other reader. */
export function createMessageStream(socket: Socket, server: string): MessageStream {
  const chunks: Buffer[] = []
  let size = 0
  let lost: ConnectionError | undefined
  let wake: (() => void) | undefined
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => resolve())
  })
  const fail = (reason: ConnectionError): void => {
    lost ??= reason
    socket.destroy()
    wake?.()
  }
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    size += chunk.length
    wake?.()
  })
  socket.on('error', (error) => fail(socketError(server, error)))
  // 'end' too: a socket whose other half is open would stay.
  socket.on('end', () => fail(new ConnectionError('ECONNRESET', `${server} closed the connection`)))
  socket.on('close', () => fail(new ConnectionError('ECONNRESET', `${server} closed the connection`)))
  if (socket.destroyed) fail(new ConnectionError('ECONNRESET', `${server} closed the connection`))
  // It has been paused since its last reader left.
  socket.resume()

  /** The first `count` bytes, left where they are; undefined until they have come. */
  const peek = (count: number): Buffer | undefined => {
    if (size < count) return undefined
    if ((chunks[0]?.length ?? 0) < count) chunks.splice(0, chunks.length, Buffer.concat(chunks))
    return chunks[0]?.subarray(0, count)
  }
  const drop = (count: number): void => {
    const first = chunks[0]
    if (first === undefined || first.length === count) chunks.shift()
    else chunks[0] = first.subarray(count)
    size -= count
  }
  const take = (types: string, maxBytes: number): Message | undefined => {
    const type = peek(1)?.toString('latin1')
    if (type === undefined) return undefined
    const length = peek(5)?.readInt32BE(1) ?? 4
    if (!types.includes(type) || length < 4) throw notPostgres(server)
    if (length > maxBytes) throw new ConnectionError('EPROTO', `${server} announces a message of ${length} bytes`)
    const whole = size < 5 ? undefined : peek(1 + length)
    if (whole === undefined) return undefined
    drop(whole.length)
    return { type, body: whole.subarray(5) }
  }
  const receive = async (types: string, maxBytes: number): Promise<Message> => {
    for (;;) {
      const message = take(types, maxBytes)
      if (message !== undefined) return message
      if (lost !== undefined) throw lost
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  const close = async (farewell: Buffer, graceMs: number): Promise<void> => {
    if (lost === undefined) socket.end(farewell)
    lost ??= new ConnectionError('ECONNRESET', `the connection to ${server} is closed`)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, graceMs)
    })
    await Promise.race([closed, late])
    socket.destroy()
    clearTimeout(timer)
  }
  const send = (bytes: Buffer): void => {
    if (lost === undefined) socket.write(bytes)
  }
  return { send, receive, fail, close }
}

/** What a socket's own error says, with the server's address. */
export function socketError(server: string, error: unknown): ConnectionError {
  return new ConnectionError(
    errorCode(error) ?? 'ECONNRESET',
    `no connection to ${server}: ${socketText(error)}`,
    error,
  )
}

/** The error for several addresses of one name has no text of its own. */
function socketText(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(errorText).join(', ')
  return errorText(error)
}

/** An HTTP server, say. */
export function notPostgres(server: string): ConnectionError {
  return new ConnectionError('EPROTO', `what answers on ${server} is not a PostgreSQL server`)
}
