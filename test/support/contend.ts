/** A process of the lock test: takes the lock `rounds` times on each of `contenders` tasks, and notes when it is in. Arguments: folder, contenders, rounds. */
import { appendFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { withLock } from '../../lib/state/lock.ts'

const [folder = '', contenders = '1', rounds = '1'] = process.argv.slice(2)
const inside = join(folder, 'inside')

await Promise.all(
  Array.from({ length: Number(contenders) }, async () => {
    for (let round = 0; round < Number(rounds); round++) {
      await withLock('contended', { purpose: 'the test', waitMs: 30_000 }, async () => {
        // Fails when another one is in.
        writeFileSync(inside, '', { flag: 'wx' })
        await sleep(1)
        rmSync(inside)
        appendFileSync(join(folder, 'entries'), 'x')
      })
    }
  }),
)
