/** The frame of every hook: payload in, one answer on stdout, everything else on stderr, exit 0 or 1. */
import type { Tools } from '../lifecycle/prepare.ts'
import { deadlineAt, type Deadline } from '../report/deadline.ts'
import { hideSecrets } from '../report/hide-secrets.ts'
import { describeFailure } from '../report/isolate-error.ts'
import { stderrReporter } from '../report/reporter.ts'
import { startStopwatch } from '../report/stopwatch.ts'
import { readPayload, type Payload } from './payload.ts'

/** `AGENT_ISOLATE_TIMINGS=1` shows, on stderr, where the time went. */
export async function runHook(work: (payload: Payload, tools: Tools) => Promise<string | undefined>): Promise<void> {
  const deadline = hookDeadline(process.env['AGENT_ISOLATE_DEADLINE_SECONDS'])
  const tools: Tools = { reporter: stderrReporter, stopwatch: startStopwatch(deadline), deadline }
  try {
    const answer = await work(await readPayload(process.stdin), tools)
    if (answer !== undefined) process.stdout.write(`${answer}\n`)
  } catch (error) {
    process.stderr.write(`agent-isolate: ${describeFailure(error)}\n`)
    process.exitCode = 1
  }
  if (process.env['AGENT_ISOLATE_TIMINGS']) process.stderr.write(`${tools.stopwatch.report().join('\n')}\n`)
}

/**
 * Claude Code ends a hook after 600 s (or its `timeout` in the settings, which no hook is told); the last half minute is for
 * taking back what was made. `seconds`: another limit, as text; what is no number is as good as none.
 */
function hookDeadline(seconds: string | undefined): Deadline {
  const given = Number(seconds)
  return deadlineAt((given > 0 ? given : 570) * 1000)
}

/** The JSON with which a hook adds to what the model knows: no passwords. */
export function additionalContext(event: string, text: string): string {
  return JSON.stringify({ hookSpecificOutput: { hookEventName: event, additionalContext: hideSecrets(text) } })
}
