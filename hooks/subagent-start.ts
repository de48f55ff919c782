/** SubagentStart: tells a subagent in a worktree of its own what is its own there. */
import { additionalContext, runHook } from '../lib/claude-code/hook.ts'
import { requireFolder } from '../lib/claude-code/payload.ts'
import { startSession } from '../lib/claude-code/session.ts'

await runHook(async (payload, tools) => {
  const text = await startSession(requireFolder(payload, 'cwd'), undefined, tools)
  return text === undefined ? undefined : additionalContext('SubagentStart', text)
})
