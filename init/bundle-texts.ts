/** The texts among the copied files that exist nowhere else: the starter script and the README. */
import { loadProgram, loadProgramOnDeno, loadProgramOnNode } from '../lib/processes/same-runtime.ts'

/**
 * Starts a hook on the first runtime found. Compiled JavaScript comes before the sources, since type stripping costs Node 22
 * some 65 ms and tsx on Node 20 some 270 ms a start. No other process is started when the compiled program is there.
 */
export const runScript = `#!/bin/sh
# Starts a hook of agent-isolate: run NAME
case $0 in */*) folder=\${0%/*} ;; *) folder=. ;; esac
program=$folder/agent-isolate
if [ -f "$program" ]; then
  command -v node >/dev/null 2>&1 && exec node -e "${loadProgramOnNode}" "$program" "$1"
  command -v bun >/dev/null 2>&1 && exec bun -e "${loadProgram}" "$program" "$1"
  command -v deno >/dev/null 2>&1 && exec deno eval --no-config --ext=cjs "${loadProgramOnDeno}" "$program" "$1"
fi
# Without it the sources run, where they are and something can strip their types.
hook=$folder/hooks/$1.ts
if [ -f "$hook" ]; then
  case $(node -p process.features.typescript 2>/dev/null) in strip | transform) exec node "$hook" ;; esac
  command -v bun >/dev/null 2>&1 && exec bun "$hook"
  command -v deno >/dev/null 2>&1 && exec deno run -A --no-config "$hook"
  tsx=$folder/../../node_modules/.bin/tsx
  [ -x "$tsx" ] && exec "$tsx" "$hook"
  command -v tsx >/dev/null 2>&1 && exec tsx "$hook"
fi
echo "agent-isolate: no node, bun or deno on PATH can run $program" >&2
echo "  Install Node 20.12 or newer, or take the hooks out: npx agent-isolate uninstall" >&2
exit 1
`

/** GitHub shows the files of the copy folded up, and leaves them out of a repository's languages; `run` is a shell script. */
export const attributesText = '* linguist-generated text eol=lf\nagent-isolate linguist-language=JavaScript\n'

export const readmeText = `# agent-isolate, copied here by \`npx agent-isolate init --delivery source\`

The hooks that give every git worktree of an AI coding agent its own ports, database and environment. Claude Code
starts them through \`run\`, as its settings.json says. Nothing here needs an install or the network.

- \`hooks/\`, \`lib/\`: the program, in TypeScript without any dependency.
- \`agent-isolate\`: the same compiled into one file. This is what runs, because it starts fastest.
- \`manifest\`: the version, a checksum of each file, and what \`init\` changed elsewhere.

To change something: edit \`hooks/\` or \`lib/\` and delete \`agent-isolate\`; then the sources run (Node 22.18 or newer, Bun, Deno
or tsx). \`npx agent-isolate init\` brings untouched files up to date, tells which are edited and keeps those.
\`npx agent-isolate uninstall\` takes everything out again.
`
