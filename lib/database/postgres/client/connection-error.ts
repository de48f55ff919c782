/** A server that cannot be talked to, in contrast to one that says no. */

/** `code`: of the system (ECONNREFUSED, ECONNRESET, ENOTFOUND, ENOENT, …), ETIMEDOUT, or one of these: */
export class ConnectionError extends Error {
  /**
   * ECONNRESET also for a server that closes without a word. EPROTO: what answers does not speak PostgreSQL's protocol. ETLS: no
   * encrypted connection is to be had, or the server's certificate is not trusted. EAUTH: a login that we cannot or will not do.
   */
  readonly code: string

  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'ConnectionError'
    this.code = code
  }
}
