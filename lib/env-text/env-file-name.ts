/** Which files are read as an environment, told by their names. */

/** `.env`, `.env.local`, `dev.env`, `.dev.vars`, `.envrc`, `.flaskenv`; `path` with `/`. */
export function isEnvFile(path: string): boolean {
  return /(?:^|\/)(?:\.env(?:rc|[.-][^/]*)?|[^/]*\.env|\.dev\.vars(?:\.[^/]*)?|\.flaskenv)$/.test(path)
}

/** One that only shows what to write, or is an editor's or somebody's copy of another. */
export function isSampleEnvFile(path: string): boolean {
  return /[._-](?:example|sample|template|tmpl|tpl|dist|defaults?|schema|bak|backup|old|orig|swp|save)\b[^/]*$|~$/i.test(
    path,
  )
}
