/** Plays the model's part for a real client: a Messages API on loopback whose answers are written down beforehand. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text as readText } from 'node:stream/consumers'

export type ToolCall = { name: string; input: Readonly<Record<string, unknown>> }

/** What the model does when a conversation opens with `prompt`: one tool call a turn, and "done" when there are no more. */
export type Conversation = { prompt: string; calls: readonly ToolCall[] }

export type Block = { type: string; text?: string; content?: unknown }
export type Message = { role: string; content: string | readonly Block[] }

/** A request of one of the conversations, as the client sent it. */
export type ModelRequest = { prompt: string; system: unknown; messages: readonly Message[] }

export type MessagesApi = { url: string; requests: readonly ModelRequest[]; close: () => void }

/** Listens on a free port of 127.0.0.1 until closed. What belongs to no conversation (a title, a summary) is answered with "done". */
export async function startMessagesApi(conversations: readonly Conversation[]): Promise<MessagesApi> {
  const requests: ModelRequest[] = []
  const server = createServer((request, response) => {
    void answer(request, response, conversations, requests)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not listening on a port')
  const close = (): void => {
    server.close()
    server.closeAllConnections()
  }
  return { url: `http://127.0.0.1:${address.port}`, requests, close }
}

/** The texts of the tool results in a conversation, in order. */
export function toolResults(messages: readonly Message[]): string[] {
  return messages
    .flatMap(({ content }) => (typeof content === 'string' ? [] : content))
    .filter(({ type }) => type === 'tool_result')
    .map(({ content }) => blockText(content))
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  conversations: readonly Conversation[],
  requests: ModelRequest[],
): Promise<void> {
  const body = await readText(request)
  const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1')
  if (pathname === '/v1/messages/count_tokens') return sendJson(response, 200, { input_tokens: 1 })
  if (request.method !== 'POST' || pathname !== '/v1/messages') {
    return sendJson(response, 404, { type: 'error', error: { type: 'not_found_error', message: pathname } })
  }
  const { messages, system, model, stream, tools }: Record<string, unknown> & { messages: Message[] } = JSON.parse(body)
  // A subagent's conversation opens with its own prompt, though its parent's mentions it too, later on.
  const opening = JSON.stringify(messages[0])
  const hasTools = Array.isArray(tools) && tools.length > 0
  const conversation = hasTools ? conversations.find(({ prompt }) => opening.includes(prompt)) : undefined
  if (conversation !== undefined) requests.push({ prompt: conversation.prompt, system, messages })
  const call = conversation?.calls[toolResults(messages).length]
  const block = call === undefined ? { type: 'text', text: 'done' } : { type: 'tool_use', id: newId('toolu'), ...call }
  const message = {
    id: newId('msg'),
    type: 'message',
    role: 'assistant',
    model,
    content: [block],
    stop_reason: call === undefined ? 'end_turn' : 'tool_use',
    stop_sequence: null,
    usage: { input_tokens: 1, output_tokens: 1 },
  }
  if (stream === true) sendEvents(response, message, block)
  else sendJson(response, 200, message)
}

/** The message as the server-sent events of https://docs.anthropic.com/en/api/messages-streaming. */
function sendEvents(
  response: ServerResponse,
  { stop_reason, ...message }: { stop_reason: string },
  block: { type: string; text?: string; input?: unknown },
): void {
  const [empty, delta] =
    block.input === undefined
      ? [
          { ...block, text: '' },
          { type: 'text_delta', text: block.text },
        ]
      : [
          { ...block, input: {} },
          { type: 'input_json_delta', partial_json: JSON.stringify(block.input) },
        ]
  const events = [
    { type: 'message_start', message: { ...message, content: [], stop_reason: null } },
    { type: 'content_block_start', index: 0, content_block: empty },
    { type: 'content_block_delta', index: 0, delta },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 1 } },
    { type: 'message_stop' },
  ]
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.end(events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(''))
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

function blockText(content: unknown): string {
  if (typeof content === 'string') return content
  return Array.isArray(content) ? content.map((block: Block) => block.text ?? '').join('\n') : ''
}

function newId(kind: string): string {
  return `${kind}_${crypto.randomUUID().replaceAll('-', '')}`
}
