/** PostToolUse of EnterWorktree: no SessionStart fires there, so this tells the model what is its own in the worktree that it entered. */
import { additionalContext, runHook } from '../lib/hook.ts'
import { requireFolder } from '../lib/payload.ts'
import { startSession } from '../lib/session.ts'

await runHook(async (payload, tools) => {
  const text = await startSession(requireFolder(payload, 'cwd'), undefined, tools)
  return text === undefined ? undefined : additionalContext('PostToolUse', text)
})
