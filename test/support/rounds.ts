/** How much is tried: a sample, or all of it with `npm run test:thorough`. */
export const isThorough = Boolean(process.env['AGENT_ISOLATE_TEST_THOROUGH'])

/** How often something is tried. */
export function rounds({ usual, thorough }: { usual: number; thorough: number }): number {
  return isThorough ? thorough : usual
}
