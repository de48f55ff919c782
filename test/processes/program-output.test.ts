import assert from 'node:assert/strict'
import { test } from 'node:test'
import { run, type Outcome, type RunOptions } from '../../lib/processes/run.ts'

function runShell(script: string, options?: RunOptions): Promise<Outcome> {
  return run('sh', ['-c', script], options)
}

/** As copying many files does: nothing else of this process gets a turn. */
function keepBusy(ms: number): void {
  for (const end = Date.now() + ms; Date.now() < end;);
}

test('what a program printed arrives, however busy we are when it ends', async () => {
  // Its end is noticed together with that of the other two, its output not yet; then we are busy for longer than it is waited for.
  const first = runShell('echo busy >&2', { onOutput: () => keepBusy(600) })
  const second = runShell('sleep 0.5; echo whole')
  const third = runShell('true').then(() => keepBusy(800))
  keepBusy(300)
  await Promise.all([first, third])
  const { code, stdout } = await second
  assert.deepEqual({ code, stdout }, { code: 0, stdout: 'whole\n' })
})

test('a program that leaves another one running is not waited for any longer', async () => {
  const { code, stdout } = await runShell('sleep 60 & echo $!')
  assert.equal(code, 0)
  process.kill(Number(stdout), 'SIGTERM')
})
