/** The one sentence for what waits for the user's trust: what was left out, and how it is given. Pure. */

/**
 * `undone` begins the message (`no database was made`); `read` is what is to be read before trust is given
 * (`agent-isolate.json`). With `worktree`, setting that one up again does what was left out. `text` is all of it.
 */
export function notTrusted(
  undone: string,
  read: string,
  worktree?: string,
): { message: string; hint: string; text: string } {
  const message = `${undone}: this repository is not trusted`
  const hint = `Read ${read}, then: agent-isolate trust${worktree ? `; agent-isolate setup -C ${worktree}` : ''}`
  return { message, hint, text: `${message}. ${hint}` }
}
