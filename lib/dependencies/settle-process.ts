/** The background process: `settle-process GIT_FOLDER`. Ends quietly; a failure goes to `settle.log` in that folder. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeFailure } from '../report/isolate-error.ts'
import { settleFolders } from './settle-folders.ts'

async function settle(gitFolder: string): Promise<void> {
  const controller = new AbortController()
  process.on('SIGTERM', () => controller.abort())
  // Neither the worktree nor any other folder is to be kept in use by us.
  if (existsSync(gitFolder)) process.chdir(gitFolder)
  try {
    await settleFolders(gitFolder, controller.signal)
  } catch (error) {
    if (!controller.signal.aborted && existsSync(gitFolder)) {
      writeFileSync(join(gitFolder, 'settle.log'), `${new Date().toISOString()} ${describeFailure(error)}\n`)
    }
  }
}

await settle(process.argv[2] ?? '')
