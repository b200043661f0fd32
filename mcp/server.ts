/** The MCP server, whatever carries its messages: tools, resources and prompts over one HTTP API. */
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import {
  CallToolRequestSchema,
  type CallToolResult,
  ErrorCode,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  McpError,
  ReadResourceRequestSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { BackendFault } from './fault.ts'
import { createPrompts } from './prompts.ts'
import { createResources } from './resources.ts'
import { toFailure } from './results.ts'
import type { ToolCall } from './tool.ts'
import { createTools, type ToolDeps } from './tools.ts'

/** The error code of MCP for a resource that is not there. */
const RESOURCE_NOT_FOUND = -32_002

const INSTRUCTIONS =
  'Switchboard runs Claude sessions, one per chat, and connects them to Telegram, cron jobs and memory. send_gateway_message asks the agent of another chat and waits for its answer, which may take minutes; send_background_message does not wait. Chats are named by chat_id and bot_id; their history by session_id, gw-<bot_id>-<chat_id>.'

export interface McpOptions extends ToolDeps {
  readonly version: string
  /** Told of what nobody foresaw; never of a text or a secret. */
  readonly warn: (line: string) => void
}

type Extra = Parameters<Parameters<Server['setRequestHandler']>[1]>[1]

/** What a tool knows of its call. */
const toCall = (extra: Extra, isClosed: () => boolean, warn: McpOptions['warn']): ToolCall => {
  const progressToken = extra._meta?.progressToken
  const began = performance.now()
  let last = 0
  return {
    signal: extra.signal,
    // The SDK aborts for both reasons alike, and tells of the end of the connection right after.
    wasTakenBack: async () => {
      await Promise.resolve()
      return !isClosed()
    },
    progress: (message) => {
      if (progressToken === undefined || extra.signal.aborted) return
      // It has to grow with each; seconds mean something to whoever shows the number.
      last = Math.max(last + 0.001, Math.round((performance.now() - began) / 100) / 10)
      const params = { progressToken, progress: last, message }
      extra.sendNotification({ method: 'notifications/progress', params }).catch((error: Error) => {
        if (!isClosed()) warn(`Progress could not be told: ${error.message}`)
      })
    },
  }
}

/** Builds a server, to be connected to a transport. It holds no state but its connection. */
export const createMcpServer = (options: McpOptions): Server => {
  const { backend, settings, warn } = options
  const tools = createTools(options)
  const prompts = createPrompts(tools)
  const resources = createResources({ backend, warn, timeout_ms: settings.timeout_ms, bot_id: settings.bot_id })
  const server = new Server(
    { name: 'switchboard', version: options.version },
    { capabilities: { tools: {}, resources: {}, prompts: {} }, instructions: INSTRUCTIONS },
  )
  let closed = false
  server.onclose = () => {
    closed = true
  }
  server.onerror = (error) => warn(`A message could not be handled: ${error.message}`)

  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: [...tools.values()].map(({ call: _call, ...description }) => description),
  }))

  server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra): Promise<CallToolResult> => {
    const tool = tools.get(params.name)
    if (tool === undefined) return toFailure(`There is no tool ${params.name}. tools/list names those there are.`)
    try {
      return await tool.call(
        params.arguments ?? {},
        toCall(extra, () => closed, warn),
      )
    } catch (error) {
      if (error instanceof BackendFault) return toFailure(error.message)
      // Nobody reads the answer to a call that was taken back.
      if (!extra.signal.aborted) warn(`${params.name} failed: ${(error as Error).stack}`)
      return toFailure('Something that nobody foresaw went wrong; the standard error of this MCP server has the reason.')
    }
  })

  server.setRequestHandler(ListResourcesRequestSchema, ({ params }) => resources.list(params?.cursor))
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({ resourceTemplates: [...resources.templates] }))
  server.setRequestHandler(ReadResourceRequestSchema, async ({ params }) => {
    try {
      return await resources.read(params.uri)
    } catch (error) {
      const missing = error instanceof BackendFault && (error.kind === 'refused' || error.status === 404 || error.status === 422)
      throw new McpError(missing ? RESOURCE_NOT_FOUND : ErrorCode.InternalError, (error as Error).message, { uri: params.uri })
    }
  })

  server.setRequestHandler(ListPromptsRequestSchema, () => ({ prompts: [...prompts.list] }))
  server.setRequestHandler(GetPromptRequestSchema, ({ params }) => {
    try {
      const prompt = prompts.get(params.name, params.arguments ?? {})
      if (prompt !== undefined) return prompt
    } catch (error) {
      throw new McpError(ErrorCode.InvalidParams, (error as Error).message)
    }
    throw new McpError(ErrorCode.InvalidParams, `There is no prompt ${params.name}`)
  })
  return server
}
