#!/usr/bin/env node
/** The program `agent-isolate`: arguments in, one call, exit code out. */
import { runCommandLine } from './run-command-line.ts'

process.exitCode = await runCommandLine(process.argv.slice(2))
