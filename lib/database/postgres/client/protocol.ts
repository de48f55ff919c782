/**
 * The bytes of PostgreSQL's protocol, version 3 (https://www.postgresql.org/docs/current/protocol-message-formats.html): pure
 * functions that write the messages of a client and read those of a server.
 */
import { createHash } from 'node:crypto'
import { IsolateError } from '../../../report/isolate-error.ts'
import { ConnectionError } from './connection-error.ts'

/** One message of the server: its letter, and what comes behind the length. */
export type Message = { type: string; body: Buffer }

/** A row as the server sends it, all values as text. Of two columns with one name the last is there. */
export type Row = Readonly<Record<string, string | null>>

/** What the server said about a failure. `message` is its own. */
export class PostgresError extends Error {
  /** SQLSTATE, five characters: https://www.postgresql.org/docs/current/errcodes-appendix.html */
  readonly code: string
  /** ERROR, FATAL or PANIC, in English. After the last two the connection is gone. */
  readonly severity: string
  readonly detail: string | undefined
  readonly serverHint: string | undefined

  constructor(fields: ReadonlyMap<string, string>) {
    super(fields.get('M') ?? 'the server names no reason')
    this.name = 'PostgresError'
    this.code = fields.get('C') ?? 'XX000'
    this.severity = fields.get('V') ?? fields.get('S') ?? 'ERROR'
    this.detail = fields.get('D')
    this.serverHint = fields.get('H')
  }
}

/** What a server may send before it has let the client in, and afterwards. A letter that is in neither comes from something else. */
export const loginTypes = 'RENSKZv'
export const queryTypes = 'TDCIEZNSAGHWdc'

/** Asks for TLS; answered by one byte, S or N. */
export function sslRequest(): Buffer {
  return Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])
}

/** Asks, on a connection of its own, for the end of the statement that another connection runs. `key` is the body of BackendKeyData. */
export function cancelRequest(key: Buffer): Buffer {
  return Buffer.concat([int32(8 + key.length), Buffer.from([0x04, 0xd2, 0x16, 0x2e]), key])
}

export function startupMessage(parameters: Readonly<Record<string, string>>): Buffer {
  const pairs = Object.entries(parameters).flatMap(([name, value]) => [cString(name), cString(value)])
  const body = Buffer.concat([Buffer.from([0, 3, 0, 0]), ...pairs, Buffer.from([0])])
  return Buffer.concat([int32(body.length + 4), body])
}

export function queryMessage(sql: string): Buffer {
  return message('Q', cString(sql))
}

export function passwordMessage(password: string): Buffer {
  return message('p', cString(password))
}

/** The answer to AuthenticationMD5Password. */
export function md5Password(user: string, password: string, salt: Buffer): string {
  const inner = createHash('md5').update(`${password}${user}`).digest('hex')
  return `md5${createHash('md5').update(inner).update(salt).digest('hex')}`
}

export function saslInitialMessage(mechanism: string, response: string): Buffer {
  const bytes = Buffer.from(response)
  return message('p', Buffer.concat([cString(mechanism), int32(bytes.length), bytes]))
}

export function saslMessage(response: string): Buffer {
  return message('p', Buffer.from(response))
}

export function copyFailMessage(reason: string): Buffer {
  return message('f', cString(reason))
}

export function terminateMessage(): Buffer {
  return message('X', Buffer.alloc(0))
}

/** The texts, each ended by a NUL, from `offset` to an empty one or the end. */
export function readStrings(body: Buffer, offset = 0): string[] {
  const texts: string[] = []
  for (let at = offset; at < body.length && body[at] !== 0;) {
    const end = body.indexOf(0, at)
    if (end === -1) throw malformed()
    texts.push(body.toString('utf8', at, end))
    at = end + 1
  }
  return texts
}

/** ErrorResponse and NoticeResponse. */
export function readError(body: Buffer): PostgresError {
  return new PostgresError(new Map(readStrings(body).map((field) => [field.slice(0, 1), field.slice(1)])))
}

/** ParameterStatus: name and value, which may be empty. */
export function readParameter(body: Buffer): [string, string] {
  const [name = '', value = ''] = body.toString('utf8').split('\0')
  return [name, value]
}

/** RowDescription: the names of the columns. */
export function readColumns(body: Buffer): string[] {
  const names: string[] = []
  let at = 2
  for (let rest = readInt16(body, 0); rest > 0; rest -= 1) {
    const end = body.indexOf(0, at)
    if (end === -1) throw malformed()
    names.push(body.toString('utf8', at, end))
    at = end + 1 + columnBytes
  }
  return names
}

/** Behind a column's name: table, attribute, type, size, modifier, format. */
const columnBytes = 4 + 2 + 4 + 2 + 4 + 2

/** DataRow. */
export function readRow(body: Buffer, columns: readonly string[]): Row {
  let at = 2
  const pairs = columns.map((name): [string, string | null] => {
    const length = readInt32(body, at)
    at += 4
    if (length === -1) return [name, null]
    if (length < 0 || at + length > body.length) throw malformed()
    at += length
    return [name, body.toString('utf8', at - length, at)]
  })
  return Object.fromEntries(pairs)
}

export function readInt32(body: Buffer, at: number): number {
  if (at + 4 > body.length) throw malformed()
  return body.readInt32BE(at)
}

function readInt16(body: Buffer, at: number): number {
  if (at + 2 > body.length) throw malformed()
  return body.readInt16BE(at)
}

function malformed(): ConnectionError {
  return new ConnectionError('EPROTO', 'the server sent a message that is shorter than it says')
}

function message(type: string, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body])
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function cString(text: string): Buffer {
  if (text.includes('\0')) throw new IsolateError('PostgreSQL takes no text with a NUL character in it')
  return Buffer.from(`${text}\0`)
}
