/** SessionStart: gives every shell command of the session its worktree's environment, and tells the model what is its own. */
import { additionalContext, runHook } from '../lib/claude-code/hook.ts'
import { requireFolder } from '../lib/claude-code/payload.ts'
import { startSession } from '../lib/claude-code/session.ts'

await runHook(async (payload, tools) => {
  const text = await startSession(requireFolder(payload, 'cwd'), process.env['CLAUDE_ENV_FILE'], tools)
  return text === undefined ? undefined : additionalContext('SessionStart', text)
})
