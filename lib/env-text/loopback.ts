/** The names that this machine has for itself. */

/** A regular expression's text for names and addresses of this machine; `host.docker.internal` is its name in a container. */
export const loopbackPattern = String.raw`(?:[\w-]+\.)*localhost|127(?:\.\d{1,3}){3}|0\.0\.0\.0|\[::1?\]|host\.docker\.internal`

/** Whether a name or an address is this machine's: a compose service's, which is not, has ports of its own. */
export function isLoopback(host: string): boolean {
  return new RegExp(`^(?:${loopbackPattern}|::1?)$`, 'i').test(host)
}
