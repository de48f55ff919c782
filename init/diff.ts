/** The differences of two texts by lines: the shortest edit script, after Myers (1986), "An O(ND) Difference Algorithm". */

/** `-` stands in the old text only, `+` in the new one only. Lines keep their ends. */
export type DiffLine = { kind: ' ' | '-' | '+'; text: string }

export function diffLines(before: string, after: string): DiffLine[] {
  const [old, fresh] = [splitLines(before), splitLines(after)]
  const start = commonLength(old, fresh)
  const end = commonLength(old.slice(start).toReversed(), fresh.slice(start).toReversed())
  const middle = [old.slice(start, old.length - end), fresh.slice(start, fresh.length - end)] as const
  return [...old.slice(0, start).map(same), ...shortestScript(...middle), ...old.slice(old.length - end).map(same)]
}

function shortestScript(old: readonly string[], fresh: readonly string[]): DiffLine[] {
  const trace = old.length === 0 || fresh.length === 0 ? undefined : findTrace(old, fresh)
  if (trace === undefined) return [...old.map(removed), ...fresh.map(added)]
  const script: DiffLine[] = []
  let [x, y] = [old.length, fresh.length]
  for (let depth = trace.length - 1; depth >= 0; depth -= 1) {
    const reached = trace[depth] ?? new Map<number, number>()
    const diagonal = comingFrom(reached, x - y, depth)
    const fromX = reached.get(diagonal) ?? 0
    while (x > Math.max(fromX, 0) && y > Math.max(fromX - diagonal, 0)) {
      script.push(same(old[(x -= 1)] ?? ''))
      y -= 1
    }
    if (depth === 0) break
    script.push(x === fromX ? added(fresh[(y -= 1)] ?? '') : removed(old[(x -= 1)] ?? ''))
  }
  return script.toReversed()
}

/** More differing lines than these are shown as one block: the search takes the square of it. */
const mostDifferences = 1000

/** For each number of edits, how far into `old` each diagonal had come before them; undefined when there are too many. */
function findTrace(old: readonly string[], fresh: readonly string[]): Map<number, number>[] | undefined {
  const trace: Map<number, number>[] = []
  const reached = new Map<number, number>([[1, 0]])
  for (let depth = 0; depth <= mostDifferences; depth += 1) {
    trace.push(new Map(reached))
    for (let diagonal = -depth; diagonal <= depth; diagonal += 2) {
      const from = comingFrom(reached, diagonal, depth)
      let x = (reached.get(from) ?? 0) + (from < diagonal ? 1 : 0)
      while (x < old.length && x - diagonal < fresh.length && old[x] === fresh[x - diagonal]) x += 1
      reached.set(diagonal, x)
      if (x >= old.length && x - diagonal >= fresh.length) return trace
    }
  }
  return undefined
}

/** The neighbouring diagonal that has come further: from below by an added line, from above by a removed one. */
function comingFrom(reached: ReadonlyMap<number, number>, diagonal: number, depth: number): number {
  if (diagonal === -depth) return diagonal + 1
  const isAddition = diagonal !== depth && (reached.get(diagonal - 1) ?? -1) < (reached.get(diagonal + 1) ?? -1)
  return isAddition ? diagonal + 1 : diagonal - 1
}

function commonLength(old: readonly string[], fresh: readonly string[]): number {
  const differing = old.findIndex((line, index) => line !== fresh[index])
  return differing === -1 ? Math.min(old.length, fresh.length) : differing
}

function splitLines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? []
}

function same(text: string): DiffLine {
  return { kind: ' ', text }
}

function removed(text: string): DiffLine {
  return { kind: '-', text }
}

function added(text: string): DiffLine {
  return { kind: '+', text }
}
