/** A sample that runs on real tools. */
import type { Sample } from '../corpus/sample.ts'

export type RealSample = Sample & {
  /** Why it cannot run here; false where it can. */
  missing: () => string | false
}
