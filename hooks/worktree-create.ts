/** WorktreeCreate: makes the worktree, or opens it again. Returns its path, alone, on stdout. */
import { createWorktree } from '../lib/lifecycle/create.ts'
import { runHook } from '../lib/claude-code/hook.ts'
import { requireFolder } from '../lib/claude-code/payload.ts'

await runHook(async (payload, tools) => {
  // Some versions and tools send `worktree_name`.
  const name = payload['name'] ?? payload['worktree_name']
  const { lease } = await createWorktree(requireFolder(payload, 'cwd'), name, tools)
  return lease.worktree
})
