/** How a diff is to look on stdout. */
import type { RenderOptions } from '../init/render-plan.ts'
import { wantsColors } from './colors.ts'

/** Lines are cut on a terminal only: a file or a pager has room. */
export function stdoutLook(root: string): RenderOptions {
  const { isTTY, columns } = process.stdout
  return { color: wantsColors(process.env, isTTY), width: isTTY ? columns : Infinity, root }
}
