/** Times variants of one thing in turns (A B A B …), so that whatever else the machine does meets all of them alike. */

export type Variant = {
  name: string
  /** Makes ready what is to be timed and returns it; not timed itself. `round` counts from 0. */
  prepare: (round: number) => Promise<() => Promise<unknown>>
  /** What there is to say about it once all rounds are over. */
  note?: () => string
}

export type Row = {
  name: string
  /** Milliseconds. */
  median: number
  fastest: number
  slowest: number
  /** Of the medians: this one to the first row's. */
  ratio: number
  note: string
}

export type Result = {
  title: string
  /** What the ratios are against. */
  against: string
  rounds: number
  rows: readonly Row[]
}

/** The first variant is what the others are compared with. */
export async function measureInTurns(title: string, rounds: number, variants: readonly Variant[]): Promise<Result> {
  const samples = variants.map((): number[] => [])
  for (let round = 0; round < rounds; round++) {
    for (const [index, { prepare }] of variants.entries()) {
      const work = await prepare(round)
      const start = performance.now()
      await work()
      samples[index]?.push(performance.now() - start)
    }
  }
  const notes = variants.map(({ note }) => note?.() ?? '')
  return summarise(
    title,
    variants.map(({ name }, index) => ({ name, samples: samples[index] ?? [], note: notes[index] ?? '' })),
  )
}

/** Pure. The first entry is what the others are compared with. */
export function summarise(
  title: string,
  entries: readonly { name: string; samples: readonly number[]; note?: string }[],
): Result {
  const base = medianOf(entries[0]?.samples ?? [])
  const rows = entries.map(({ name, samples, note = '' }): Row => {
    const median = medianOf(samples)
    return { name, median, fastest: Math.min(...samples), slowest: Math.max(...samples), ratio: median / base, note }
  })
  return { title, against: entries[0]?.name ?? '', rounds: entries[0]?.samples.length ?? 0, rows }
}

function medianOf(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}
