/** What the checks of ports and databases have in common: which files count, and what a shared port comes to. */

export const collision =
  'Two worktrees cannot listen on one port: the second gets EADDRINUSE, or talks to the first one’s server.'

/** Env and compose files that an agent may have to do with. */
export function isForDevelopment(path: string): boolean {
  return !/[.-](?:prod|production|deploy|staging|preview|ci)(?:\.|$)/.test(path)
}
