/** PostToolUse of EnterWorktree: no SessionStart fires there, so this tells the model what is its own in the worktree that it entered. */
import { additionalContext, runHook } from '../lib/claude-code/hook.ts'
import { requireFolder } from '../lib/claude-code/payload.ts'
import { startSession } from '../lib/claude-code/session.ts'

await runHook(async (payload, tools) => {
  const text = await startSession(requireFolder(payload, 'cwd'), undefined, tools)
  return text === undefined ? undefined : additionalContext('PostToolUse', text)
})
