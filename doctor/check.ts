/** What a check of the doctor is: a question with findings for an answer. */
import type { Detection } from '../detect/detect.ts'
import type { Coverage } from '../detect/source/coverage.ts'
import type { IsolateError } from '../lib/report/isolate-error.ts'
import type { Project } from '../lib/project/project.ts'
import type { Reporter } from '../lib/report/reporter.ts'
import type { SettingsFile } from './settings-files.ts'
import type { SourceFile } from '../detect/source/source-files.ts'

/** `error`: parallel agents will break each other, or nothing works at all. `warning`: they may. */
export type Severity = 'error' | 'warning' | 'ok'

export type Finding = {
  /** Stable, for programs: `ports.listen`. */
  id: string
  severity: Severity
  /** What is wrong (or right), in one line. */
  message: string
  /** What comes of it; undefined where all is well. */
  why?: string
  /** What to do; of a line of code, the line to write instead. */
  fix?: string
  /** Relative to the checkout, or absolute when outside. */
  file?: string
  /** From 1. */
  line?: number
  /** Set where `--fix` does it. */
  repair?: () => Promise<void>
}

export type Check = {
  /** Stable; the first part of its findings' ids. */
  id: string
  title: string
  run: (context: Context) => Promise<readonly Finding[]> | readonly Finding[]
}

/** All that the checks look at, read once. */
export type Context = {
  /** The checkout that is looked at: its code, its settings. */
  root: string
  project: Project
  /** Why agent-isolate.json cannot be used; `project.config` holds the defaults then. */
  configFault: IsolateError | undefined
  detection: Detection
  settings: readonly SettingsFile[]
  sources: readonly SourceFile[]
  /** Which files were read, and which were not. */
  coverage: Coverage
  /** What the environment template says; undefined without one. */
  template: string | undefined
  env: NodeJS.ProcessEnv
  reporter: Reporter
}
