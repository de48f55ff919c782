/** Whether the answer may be coloured: on a terminal, unless told otherwise. */
import picocolors from 'picocolors'

export type Colors = ReturnType<typeof picocolors.createColors>

/** https://no-color.org and https://force-color.org; picocolors by itself would also colour any pipe where CI is set. */
export function wantsColors(env: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  if (env['NO_COLOR']) return false
  const forced = env['FORCE_COLOR']
  if (forced) return forced !== '0' && forced !== 'false'
  return isTerminal && env['TERM'] !== 'dumb'
}

/** The colours for stdout. */
export function stdoutColors(): Colors {
  return picocolors.createColors(wantsColors(process.env, process.stdout.isTTY))
}
