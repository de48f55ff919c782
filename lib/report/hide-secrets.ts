/**
 * The one place that takes passwords out of what people, logs, programs and models are shown: URLs in every form that a parser of
 * ours reads, settings as in `PGPASSWORD=…`, and the words of other programs with these in them. What cannot be parsed is hidden
 * rather than shown; the rest of the text stays. Only what is asked for them prints passwords (`env`, `db url`). Pure.
 */

export type HideOptions = {
  /**
   * What of the secret parts is shown all the same. `references`: `$NAME`, which names a secret and is none. `code`: also what a
   * shell would act on, in a text that is shown to be judged before it is run: nothing of it may be hidden.
   */
  keeps?: 'references' | 'code'
}

/** The text with `***` for each secret. Once more changes nothing. */
export function hideSecrets(text: string, { keeps }: HideOptions = {}): string {
  const mask = (secret: string): string => (isShown(secret, keeps) ? secret : '***')
  const withoutUrls = urls.reduce(
    (shown, pattern) =>
      shown.replace(pattern, (_, scheme: string, rest: string) => `${scheme}://${hideInUrl(scheme, rest, mask)}`),
    text,
  )
  return withoutUrls.replace(assignment, (match, name: string, sign: string, value: string) =>
    isSecretName(name) && isAssignment(name, sign, value) ? name + sign + maskValue(value, mask) : match,
  )
}

/** A scheme, and the rest of the URL. Alone on its line, as the value of a variable or between quotes it may have blanks in it. */
const urls = [
  /(?<=^[-+ \t]*(?:export )?(?:\w+[ \t]*=[ \t]*)?)((?:jdbc:)?[a-z][a-z0-9+.-]{0,30}):\/\/(.*)$/gim,
  /(?<=")([a-z][a-z0-9+.-]{0,30}):\/\/([^"\n]*)(?=")/gi,
  /(?<=')([a-z][a-z0-9+.-]{0,30}):\/\/([^'\n]*)(?=')/gi,
  /(?<=`)([a-z][a-z0-9+.-]{0,30}):\/\/([^`\n]*)(?=`)/gi,
  /([a-z][a-z0-9+.-]{0,30}):\/\/(\S*)/gi,
]

/** Where the credentials of a URL end, given what is behind its `://`: -1 without any. As drivers read it: the last @ before a slash. */
export function endOfCredentials(rest: string): number {
  const authority = /^[^/]*/.exec(rest)?.[0] ?? ''
  const end = authority.lastIndexOf('@')
  // `user:pass/word@host` is no URL, and yet people write it: what stands where the port would be is none.
  const isPort = /^(?:\[[^\]]*\])?[^:]*(?::(?:\d*|[$<{%].*)(?:[,?#;\s"'`)\]}].*)?)?$/s.test(authority)
  return end !== -1 || isPort ? end : rest.lastIndexOf('@')
}

type Mask = (secret: string) => string

function hideInUrl(scheme: string, rest: string, mask: Mask): string {
  const end = endOfCredentials(rest)
  const query = (text: string): string =>
    text.replace(/(?<=[?&])([^=&?\s]+)=([^&]*?)(?=["'`)\]}>,.;:]*(?:&|$))/g, (match, name: string, value: string) =>
      isSecretName(name) ? `${name}=${mask(value)}` : match,
    )
  if (end === -1) return hideNested(query(rest))
  const credentials = rest.slice(0, end)
  const colon = credentials.indexOf(':')
  const user = colon === -1 ? credentials : credentials.slice(0, colon)
  const password = colon === -1 ? '' : `:${maskUnlessEmpty(credentials.slice(colon + 1), mask)}`
  // A token is often the user of an https URL, and sometimes its only part.
  const shownUser = /^https?$/i.test(scheme) ? maskUnlessEmpty(user, mask) : user
  return shownUser + password + hideNested(query(rest.slice(end)))

  function hideNested(text: string): string {
    return text.replace(
      /([a-z][a-z0-9+.-]{0,30}):\/\/(.*)$/gis,
      (_, inner: string, more: string) => `${inner}://${hideInUrl(inner, more, mask)}`,
    )
  }
}

/** How the names of secrets end: libpq's, drivers', compose's and programs' own (`PGPASSWORD`, `sslpassword`, `DB_PASS`, `api_key`). */
const secretName =
  '(?:[\\w.%-]*(?:password|passwd|passphrase|secret|token|credentials?|(?:api|access|private|auth)[_-]?key)|(?:[\\w.%-]*[_.-])?(?:pass|pwd))'
const quoted = `"(?:[^"\\\\\n]|\\\\.)*"|'(?:[^'\\\\\n]|\\\\.)*'`
/** Up to a blank, a quote or a semicolon, without the signs that close what is around it. */
const unquoted = "(?:\\$\\{[^}\n]*\\}|[^\\s\"'`;]|'(?=\\w))+?(?=[),:.\\]}>]*(?:[\"'`\\s;]|$))"
/** Such a name, not within a longer one, and its value. */
const assignment = new RegExp(
  `(?<![\\w.%-])(${secretName})(["']?[ \\t]*[=:][ \\t]*)(?!\\*{3})(${quoted}|${unquoted})`,
  'gi',
)

/** A colon is one in prose as well. */
function isAssignment(name: string, sign: string, value: string): boolean {
  return sign.includes('=') || /^["']/.test(sign) || /^["']/.test(value) || /^[A-Z][A-Z0-9_]*$/.test(name)
}

/** Not PWD, which is a folder. */
function isSecretName(name: string): boolean {
  // A parameter's name may be encoded, too.
  const plain = decodeLeniently(name)
  return !/^(?:OLD)?PWD$/.test(plain) && new RegExp(`^${secretName}$`, 'i').test(plain)
}

/** Percent-encoded text; what is not encoded as it should be is taken as it stands, as most clients do. */
export function decodeLeniently(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch (error) {
    if (error instanceof URIError) return name
    throw error
  }
}

function maskValue(value: string, mask: Mask): string {
  const quote = /^["']/.exec(value)?.[0] ?? ''
  return quote + maskUnlessEmpty(quote === '' ? value : value.slice(1, -1), mask) + quote
}

function maskUnlessEmpty(secret: string, mask: Mask): string {
  return secret === '' ? '' : mask(secret)
}

/** The placeholder of our own examples is no secret, whoever has it as a password. */
function isShown(secret: string, keeps: HideOptions['keeps']): boolean {
  if (/^(?:password|\*{3})$/i.test(secret)) return true
  if (keeps === undefined) return false
  if (/^(?:\$\w+|\$\{\w+\})+$/.test(secret)) return true
  return keeps === 'code' && /[$`(|&;<>\\\n]/.test(secret) && !/^\$\{\w+:?[-=][^${}`()|;<>\\]*\}$/.test(secret)
}
