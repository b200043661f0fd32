/** A stand-in of the Messages API whose model calls a tool, or none, and then answers with what the tool said. */
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { atEnd, type Scope } from '../harness.ts'
import { wholeMessage } from './messages-answer.ts'

interface Block {
  readonly type: string
  readonly text?: string
  readonly content?: unknown
}

interface Body {
  readonly model: string
  readonly tools?: readonly { name: string }[]
  readonly messages: readonly { role: string; content: string | Block[] }[]
}

export interface ToolUse {
  readonly name: string
  readonly input: object
}

export interface ToolModel {
  readonly url: string
  /** What tools have answered so far, as JSON. */
  readonly results: readonly string[]
}

/** @param choose which tool a message calls for; undefined: it is answered with `nothing to do` */
export const openToolModel = async (t: Scope, choose: (message: string) => ToolUse | undefined): Promise<ToolModel> => {
  const results: string[] = []
  const server = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8').on('data', (part: string) => (text += part))
    request.on('end', () => {
      if (request.method !== 'POST' || request.url?.startsWith('/v1/messages') !== true)
        return void response.writeHead(404).end('{}')
      const body = JSON.parse(text) as Body
      // What the CLI itself adds stands behind it, under another role.
      const newest = body.messages.findLast(({ role }) => role === 'user')?.content ?? ''
      const blocks: Block[] = typeof newest === 'string' ? [{ type: 'text', text: newest }] : newest
      const result = blocks.find((block) => block.type === 'tool_result')
      const message = blocks.map((block) => block.text ?? '').join('\n')
      // What the CLI asks beside the conversation (a title) comes without tools.
      const use = result === undefined && (body.tools?.length ?? 0) > 0 ? choose(message) : undefined
      if (result !== undefined) results.push(JSON.stringify(result.content))
      const answer = result === undefined ? 'nothing to do' : `done: ${JSON.stringify(result.content)}`
      const send = (type: string, rest: object): unknown =>
        response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`)
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      send('message_start', { message: wholeMessage(body.model, [], null) })
      const block = use
        ? { type: 'tool_use', id: `toolu_${randomUUID()}`, name: use.name, input: {} }
        : { type: 'text', text: '' }
      const delta = use
        ? { type: 'input_json_delta', partial_json: JSON.stringify(use.input) }
        : { type: 'text_delta', text: answer }
      send('content_block_start', { index: 0, content_block: block })
      send('content_block_delta', { index: 0, delta })
      send('content_block_stop', { index: 0 })
      send('message_delta', { delta: { stop_reason: use ? 'tool_use' : 'end_turn' }, usage: { output_tokens: 1 } })
      send('message_stop', {})
      response.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  atEnd(t, async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, results }
}
