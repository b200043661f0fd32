/** The MCP server as a process, with the SDK's own client or with a hand that writes lines. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import type { CallToolResult, Progress } from '@modelcontextprotocol/sdk/types.js'
import { packageRoot } from '../../services/runtime/package-root.ts'
import { atEnd, eventually, type Scope } from '../harness.ts'

/** The compiled program. */
export const mcpMain = path.join(packageRoot(import.meta.url), 'dist', 'mcp', 'main.js')

const surroundings = (env: Record<string, string>): Record<string, string> => {
  const { PATH = '', HOME = '' } = process.env
  return { PATH, HOME, ...env }
}

export interface McpClient {
  readonly client: Client
  /** What the server wrote to standard error so far. */
  stderr(): string
  call(name: string, args?: Record<string, unknown>, options?: CallOptions): Promise<CallToolResult>
}

export interface CallOptions {
  readonly signal?: AbortSignal
  readonly onprogress?: (progress: Progress) => void
}

/** A client of the SDK with a server of its own; both end with the test. */
export const openClient = async (t: Scope, env: Record<string, string>): Promise<McpClient> => {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: ['--enable-source-maps', mcpMain],
    env: surroundings(env),
    stderr: 'pipe',
  })
  let stderr = ''
  transport.stderr?.on('data', (part: Buffer) => (stderr += part.toString('utf8')))
  const client = new Client({ name: 'test', version: '1' })
  atEnd(t, () => client.close())
  await client.connect(transport)
  // Results are held against the output schemas from here on.
  await client.listTools()
  return {
    client,
    stderr: () => stderr,
    call: async (name, args = {}, options = {}) =>
      (await client.callTool({ name, arguments: args }, undefined, { timeout: 60_000, ...options })) as CallToolResult,
  }
}

/** The texts of a result. */
export const textsOf = (result: CallToolResult): string[] =>
  result.content.map((part) => (part.type === 'text' ? part.text : `(${part.type})`))

/** What a result that is a failure says. */
export const errorOf = (result: CallToolResult): string => {
  const { error } = JSON.parse(textsOf(result)[0] ?? '{}') as { error?: string }
  return result.isError === true && error !== undefined ? error : `not a failure: ${textsOf(result).join(' ')}`
}

export interface Hand {
  readonly process: ChildProcessWithoutNullStreams
  /** All that it wrote to standard output, to standard error. */
  output(): string
  errors(): string
  /** Every line of its output, parsed; throws where one is no JSON. */
  messages(): { id?: number; result?: unknown; error?: unknown; method?: string }[]
  write(text: string): void
  /** Sends a request and waits for its answer. */
  ask(method: string, params?: object): Promise<unknown>
  readonly exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

/** The server with a hand that writes lines to it; killed with the test if it still lives. */
export const openHand = async (t: Scope, env: Record<string, string>): Promise<Hand> => {
  const child = spawn(process.execPath, ['--enable-source-maps', mcpMain], { env: surroundings(env) })
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  // A server that has died refuses what is still written to it; its exit tells of that.
  child.stdin.on('error', () => undefined)
  const exit = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
  }))
  atEnd(t, async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await exit
  })
  let last = 0
  const hand: Hand = {
    process: child,
    output: () => output,
    errors: () => errors,
    messages: () =>
      output
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line)),
    write: (text) => void child.stdin.write(text),
    ask: async (method, params = {}) => {
      last += 1
      const id = last
      child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`)
      const answer = await eventually(() => hand.messages().find((message) => message.id === id), { timeout_ms: 60_000 })
      return answer.result ?? answer.error
    },
    exit,
  }
  return hand
}

export const HELLO = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'hand', version: '1' } }
