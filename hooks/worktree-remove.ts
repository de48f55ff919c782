/** WorktreeRemove: removes a worktree of ours. It cannot ask, so one that holds work stays, and that is said. */
import { runHook } from '../lib/claude-code/hook.ts'
import { requireFolder } from '../lib/claude-code/payload.ts'
import { removeWorktreeAt } from '../lib/lifecycle/remove.ts'

await runHook(async (payload, { reporter }) => {
  await removeWorktreeAt(requireFolder(payload, 'worktree_path'), reporter)
  return undefined
})
