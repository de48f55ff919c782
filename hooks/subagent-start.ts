/** SubagentStart: tells a subagent in a worktree of its own what is its own there. */
import { additionalContext, runHook } from '../lib/hook.ts'
import { requireFolder } from '../lib/payload.ts'
import { startSession } from '../lib/session.ts'

await runHook(async (payload, tools) => {
  const text = await startSession(requireFolder(payload, 'cwd'), undefined, tools)
  return text === undefined ? undefined : additionalContext('SubagentStart', text)
})
