/** How much of something is tried: a sample, or the full range with `npm run test:thorough`. */
export function rounds({ usual, thorough }: { usual: number; thorough: number }): number {
  return process.env['AGENT_ISOLATE_TEST_THOROUGH'] ? thorough : usual
}
