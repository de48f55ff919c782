/** Where the engine's remarks go. The engine never prints; the program at the edge hands it one of these. */
import { hideSecrets } from './hide-secrets.ts'

/** One line each, without a newline. `progress` may be overwritten by the next line on a terminal. */
export type Reporter = {
  info: (text: string) => void
  warn: (text: string) => void
  progress: (text: string) => void
}

/** Writes every remark to stderr, without passwords; stdout belongs to the answer. */
export const stderrReporter: Reporter = {
  info: (text) => void process.stderr.write(`agent-isolate: ${hideSecrets(text)}\n`),
  warn: (text) => void process.stderr.write(`agent-isolate: warning: ${hideSecrets(text)}\n`),
  progress: (text) => void process.stderr.write(`agent-isolate: ${hideSecrets(text)}\n`),
}
