/** The demo's output without what changes from run to run: paths, ports, processes, times. The columns stay as they are. Pure. */

/** What stands for the ports, in the order in which they appear: the one that two servers want, and the three leased ones. */
const steadyPorts = ['49152', '20410', '23870', '27320']

const replacements: readonly [RegExp, string][] = [
  [/(?<=sample project: ).*?agent-isolate-demo-\w+/g, '~/sample-shop'],
  [/(?<=database: SQLite), through \P{Cc}*/gu, ''],
  [/(?<=✓.* ready) in [\d.]+ s(?=:)/g, ''],
  [/(?<=All of it held), in [\d.]+ seconds(?=\.)/g, ''],
  [/(?<=AGE) +(?=STATE)/g, '  '],
  // The age of a worktree, with the blanks that make a column of it.
  [/\d+ s(\p{Cc}\[22m) +/gu, '0 s$1  '],
]

/** `output`: what the demo printed, colours included. */
export function steadyOutput(output: string): string {
  const text = replacements.reduce((steady, [found, instead]) => steady.replace(found, instead), output)
  return replaceProcesses(replacePorts(text))
}

function replacePorts(text: string): string {
  const found = new Set(Array.from(text.matchAll(/(?:PORT=|127\.0\.0\.1:)(\d+)/g), ([, port]) => port))
  const steady = new Map([...found].map((port, index) => [port, steadyPorts[index]]))
  return text.replace(/(?<!\d)\d+/g, (number) => steady.get(number) ?? number)
}

/** Each machine has its node somewhere else, and a long path would be cut. */
function replaceProcesses(text: string): string {
  let pid = 4100
  return text.replace(/pid \d+\P{Cc}*/gu, () => `pid ${++pid}: node --env-file=.env.local server.js`)
}
