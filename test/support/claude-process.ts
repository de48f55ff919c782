/**
 * A process of the Claude Code test: serves the scripted model and runs the client against it, both in whatever network
 * this process was started in. Takes a `ClaudeJob` as JSON on the command line and prints a `ClaudeRun` as JSON.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text as readText } from 'node:stream/consumers'
import { startMessagesApi, type Conversation, type ModelRequest } from './messages-api.ts'

export type ClaudeJob = { client: string; args: readonly string[]; conversations: readonly Conversation[] }

export type ClaudeRun = { code: number | null; stdout: string; stderr: string; requests: readonly ModelRequest[] }

/** A run takes a few seconds; one that hangs is not to outlive the test. */
const patienceMs = 60_000

const { client, args, conversations }: ClaudeJob = JSON.parse(process.argv[2] ?? '')
const api = await startMessagesApi(conversations)
const child = spawn(client, args, {
  env: { ...process.env, ANTHROPIC_BASE_URL: api.url },
  stdio: ['ignore', 'pipe', 'pipe'],
  timeout: patienceMs,
  killSignal: 'SIGKILL',
})
const [stdout, stderr] = await Promise.all([readText(child.stdout), readText(child.stderr), once(child, 'close')])
api.close()
const run: ClaudeRun = { code: child.exitCode, stdout, stderr, requests: api.requests }
process.stdout.write(JSON.stringify(run))
