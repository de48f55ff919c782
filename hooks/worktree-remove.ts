/** WorktreeRemove: removes a worktree of ours. It cannot ask, so one that holds work stays, and that is said. */
import { runHook } from '../lib/hook.ts'
import { requireFolder } from '../lib/payload.ts'
import { removeWorktreeAt } from '../lib/remove.ts'

await runHook(async (payload, { reporter }) => {
  await removeWorktreeAt(requireFolder(payload, 'worktree_path'), reporter)
  return undefined
})
