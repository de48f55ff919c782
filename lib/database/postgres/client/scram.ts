/** The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677) without channel binding, as functions from message to message. */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

/** What one message leaves for the next. */
export type ScramStart = { nonce: string; message: string }
export type ScramAnswer = { message: string; serverSignature: Buffer }

/** The first message. PostgreSQL takes the user of the start-up message and wants an empty one here. */
export function startScram(nonce: string = randomBytes(18).toString('base64'), user = ''): ScramStart {
  const name = user.replaceAll('=', '=3D').replaceAll(',', '=2C')
  return { nonce, message: `n,,n=${name},r=${nonce}` }
}

/**
 * PostgreSQL's default is 4096, and a server chooses. This many take seconds; 2^31, from one that means harm, would take most of
 * an hour.
 */
const maxIterations = 5_000_000

/** The proof of the password. A string says what is wrong with the server's message. */
export async function answerScram(
  start: ScramStart,
  serverFirst: string,
  password: string,
): Promise<ScramAnswer | string> {
  const match = /^r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/]+={0,2}),i=([1-9][0-9]{0,9})(?:,.*)?$/.exec(serverFirst)
  if (match === null) return 'a message that is not SCRAM'
  const [, nonce = '', salt = '', iterations = ''] = match
  if (!nonce.startsWith(start.nonce) || nonce.length === start.nonce.length) return 'a nonce that is not ours'
  if (Number(iterations) > maxIterations) return `${iterations} rounds of hashing`
  const salted = await promisify(pbkdf2)(
    saslPrep(password),
    Buffer.from(salt, 'base64'),
    Number(iterations),
    32,
    'sha256',
  )
  const withoutProof = `c=biws,r=${nonce}`
  const signed = `${start.message.slice('n,,'.length)},${serverFirst},${withoutProof}`
  const clientKey = hmac(salted, 'Client Key')
  const signature = hmac(createHash('sha256').update(clientKey).digest(), signed)
  const proof = clientKey.map((byte, index) => byte ^ (signature[index] ?? 0))
  return {
    message: `${withoutProof},p=${Buffer.from(proof).toString('base64')}`,
    serverSignature: hmac(hmac(salted, 'Server Key'), signed),
  }
}

/** Whether the server has proved that it knows the password, too. */
export function isServerProven(answer: ScramAnswer, serverFinal: string): boolean {
  const signature = Buffer.from(/^v=([A-Za-z0-9+/]+={0,2})(?:,.*)?$/.exec(serverFinal)?.[1] ?? '', 'base64')
  return signature.length === answer.serverSignature.length && timingSafeEqual(signature, answer.serverSignature)
}

/**
 * SASLprep (RFC 4013) as far as JavaScript knows Unicode: exotic spaces become spaces, invisible marks go, the rest is put into
 * NFKC. As in PostgreSQL a password with a prohibited character is taken as it is. Not looked at: the direction of scripts, and
 * which characters Unicode 3.2 did not have yet.
 */
export function saslPrep(password: string): string {
  const prepared = password.replace(otherSpaces, ' ').replace(mappedToNothing, '').normalize('NFKC')
  return prepared === '' || prohibited.test(prepared) ? password : prepared
}

/** RFC 3454, tables C.1.2 and B.1. U+200B is in both; PostgreSQL takes it for a space. */
const otherSpaces = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g
const mappedToNothing = /\u00ad|\u034f|\u1806|[\u180b-\u180d]|\u200c|\u200d|\u2060|[\ufe00-\ufe0f]|\ufeff/g
/** RFC 3454, tables C.2.1 to C.9. */
const prohibited =
  /\u0340|\u0341|[\p{Cc}\p{Co}\p{Cs}\p{Noncharacter_Code_Point}\u06dd\u070f\u180e\u200e\u200f\u2028-\u202e\u2060-\u2063\u206a-\u206f\u2ff0-\u2ffb\ufff9-\ufffd\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]/u

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
