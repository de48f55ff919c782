/** A connection to a Redis server, one command at a time (redis.io/docs/latest/develop/reference/protocol-spec, RESP2). */
import { connect, type Socket } from 'node:net'
import type { Deadline } from '../../report/deadline.ts'
import { errorText, IsolateError } from '../../report/isolate-error.ts'
import { UnreachableError } from '../../report/unreachable-error.ts'
import { serverOf, type ServiceUrl } from '../service-url.ts'

/** Text, a number, or null for what is not there. */
export type Reply = string | number | null

/** Sends a command. Rejects with `RedisError` for what the server refuses. */
export type Redis = (...command: readonly string[]) => Promise<Reply>

/** The server's own words: `ERR DB index is out of range`. */
export class RedisError extends IsolateError {}

/** For a connection and what is done with it, in ms; a server of this machine answers within one. */
const longestMs = 10_000

/** Connects, logs in and does the work. Throws `UnreachableError` when nobody answers in time, or not as Redis does. */
export async function withRedis<T>(
  url: ServiceUrl,
  deadline: Deadline,
  work: (redis: Redis) => Promise<T>,
): Promise<T> {
  const socket = await openSocket(url)
  const timer = setTimeout(() => socket.destroy(new Error('it does not answer')), deadline.remainingMs(longestMs))
  try {
    const redis = commandsOn(socket)
    if (url.password !== undefined) await redis('AUTH', ...(url.user === undefined ? [] : [url.user]), url.password)
    return await work(redis)
  } catch (error) {
    if (error instanceof RedisError)
      throw new UnreachableError(`the Redis server ${serverOf(url)} refuses: ${error.message}`, { cause: error })
    if (error instanceof IsolateError || !(error instanceof Error)) throw error
    throw new UnreachableError(`the Redis server ${serverOf(url)} cannot be reached: ${errorText(error)}`, {
      hint: 'Is it running, and is its address right ("services" in agent-isolate.json)?',
      cause: error,
    })
  } finally {
    clearTimeout(timer)
    socket.destroy()
  }
}

async function openSocket({ scheme, host, port }: ServiceUrl): Promise<Socket> {
  // Nobody else needs TLS.
  const isEncrypted = /^(?:redis|valkey)s$/i.test(scheme)
  return isEncrypted ? (await import('node:tls')).connect({ host, port, servername: host }) : connect({ host, port })
}

function commandsOn(socket: Socket): Redis {
  let received = Buffer.alloc(0)
  let failure: Error | undefined
  let wake: (() => void) | undefined
  const fail = (error: Error): void => {
    failure ??= error
    wake?.()
  }
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('it closed the connection')))
  socket.on('data', (bytes) => {
    received = Buffer.concat([received, bytes])
    wake?.()
  })
  return async (...command) => {
    socket.write(renderCommand(command))
    for (;;) {
      const found = readReply(received)
      if (found !== undefined) {
        received = received.subarray(found.length)
        if (found.error !== undefined) throw new RedisError(found.error)
        return found.reply
      }
      if (failure !== undefined) throw failure
      await new Promise<void>((resolve) => (wake = resolve))
    }
  }
}

function renderCommand(words: readonly string[]): string {
  return [`*${words.length}`, ...words.flatMap((word) => [`$${Buffer.byteLength(word)}`, word]), ''].join('\r\n')
}

/** The reply at the beginning of what has come; undefined while it is not whole. */
function readReply(bytes: Buffer): { reply: Reply; error?: string; length: number } | undefined {
  const end = bytes.indexOf('\r\n')
  if (end === -1) return undefined
  const line = bytes.toString('utf8', 1, end)
  const length = end + 2
  switch (bytes.toString('latin1', 0, 1)) {
    case '+':
      return { reply: line, length }
    case '-':
      return { reply: null, error: line, length }
    case ':':
      return { reply: Number(line), length }
    case '$': {
      const size = Number(line)
      if (size < 0) return { reply: null, length }
      const whole = length + size + 2
      return bytes.length < whole ? undefined : { reply: bytes.toString('utf8', length, length + size), length: whole }
    }
    default:
      throw new Error('what answers is no Redis server')
  }
}
