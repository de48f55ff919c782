/** SessionStart: gives every shell command of the session its worktree's environment, and tells the model what is its own. */
import { additionalContext, runHook } from '../lib/hook.ts'
import { requireFolder } from '../lib/payload.ts'
import { startSession } from '../lib/session.ts'

await runHook(async (payload, tools) => {
  const text = await startSession(requireFolder(payload, 'cwd'), process.env['CLAUDE_ENV_FILE'], tools)
  return text === undefined ? undefined : additionalContext('SessionStart', text)
})
