/** Runs the checks, and what `--fix` repairs. */
import type { Check, Context, Finding } from './check.ts'
import { checks } from './checks.ts'

export type Examined = { check: Check; findings: readonly Finding[] }

/** All at once: they read, and none waits for another. */
export function examine(context: Context): Promise<Examined[]> {
  return Promise.all(checks.map(async (check) => ({ check, findings: await check.run(context) })))
}

/** Fixes what is ours, one after the other. Returns what was fixed. */
export async function repair(examined: readonly Examined[]): Promise<Finding[]> {
  const fixable = examined.flatMap(({ findings }) => findings).filter((finding) => finding.repair !== undefined)
  for (const finding of fixable) await finding.repair?.()
  return fixable
}
