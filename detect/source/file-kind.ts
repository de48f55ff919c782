/** What a kind of files is: which files, and how ports are written in them. A new kind is one more of these in file-kinds.ts. */
import type { CommentStyle } from './blank-comments.ts'
import type { Rewrite, Rule } from './port-hit.ts'

export type SourceKind =
  | 'script'
  | 'python'
  | 'ruby'
  | 'package'
  | 'command'
  | 'compose'
  | 'env'
  | 'config'
  | 'go'
  | 'jvm'
  | 'spring'
  | 'dotnet'
  | 'php'
  | 'rust'
  | 'elixir'
  | 'database'
  | 'inside'

export type FileKind = {
  kind: SourceKind
  files: (path: string) => boolean
  /** What one of them is called where they are counted; undefined: by its ending. */
  title?: string
  comments: CommentStyle
  rules: readonly Rule[]
  rewrite: Rewrite
  /** The part that is looked at; the rest comes back blank. */
  narrow?: (code: readonly string[]) => readonly string[]
}
