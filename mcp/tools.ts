/** The same rows as everywhere, described for a model: every row with a tool's name is a tool that asks its HTTP route. */
import { randomUUID } from 'node:crypto'
import type { ToolAnnotations } from '@modelcontextprotocol/sdk/types.js'
import { refusalOf } from '../protocol/chain.ts'
import { type Row, table } from '../protocol/contract.ts'
import type { Backend, Question } from './backend.ts'
import { type Chain, chainHeaders } from './chain.ts'
import { type ConversationDeps, converse, type Message } from './conversation.ts'
import { DIFFERENCES, type Difference } from './differences.ts'
import { BackendFault } from './fault.ts'
import { createMetaLoopTools } from './meta-loop.ts'
import { toFailure, toResult } from './results.ts'
import type { McpSettings } from './settings.ts'
import type { Tool } from './tool.ts'
import { isText, toInputSchema, toOutputSchema } from './tool-schema.ts'

export interface ToolDeps {
  readonly backend: Backend
  readonly chain: Chain
  readonly settings: Pick<McpSettings, 'timeout_ms' | 'gateway_timeout_ms' | 'bot_id' | 'meta_loop_base'>
  readonly conversation?: Pick<ConversationDeps, 'sign_of_life_ms' | 'away_ms'>
}

/** All that a tool is but its call. */
type Description = Omit<Tool, 'call'>

interface RowTool extends Description {
  readonly row: Row
  readonly difference: Difference
  readonly method: string
  /** Behind the API's base, with its `{names}`. */
  readonly path: string
  /** Whether the answer to the message is waited for (`shape: await` or `sse`). */
  readonly converses: boolean
}

const hasField = (row: Row, field: string): boolean => {
  const { shape } = row.input as { shape?: Readonly<Record<string, unknown>> }
  return shape !== undefined && Object.hasOwn(shape, field)
}

const annotate = (row: Row, difference: Difference, method: string, status: number): ToolAnnotations => {
  if (method === 'GET') return { readOnlyHint: true, openWorldHint: false }
  const destructiveHint = difference.destructive ?? (method === 'DELETE' || (method === 'PUT' && status !== 201))
  // With a key a repeat changes nothing, but each call makes a key of its own.
  const idempotentHint = row.idempotent === true && !hasField(row, 'idempotency_key')
  const agents = row.follow !== undefined || difference.chained === true
  return { readOnlyHint: false, destructiveHint, idempotentHint, openWorldHint: agents }
}

const ANSWER: Description['outputSchema'] = {
  type: 'object',
  properties: { response: { type: 'string' }, session_key: { type: 'string' } },
  required: ['response', 'session_key'],
}

const toRowTool = (row: Row, name: string): RowTool => {
  const binding = row.http?.[0]
  if (binding === undefined) throw new Error(`${row.name} is a tool and has no HTTP route`)
  const [method = '', route = ''] = binding.route.split(' ')
  const difference = DIFFERENCES[name] ?? {}
  const converses = binding.shape === 'await' || binding.shape === 'sse'
  return {
    name,
    description: `${difference.summary ?? row.summary}.`,
    inputSchema: toInputSchema(row, difference),
    outputSchema: converses ? ANSWER : toOutputSchema(row),
    annotations: annotate(row, difference, method, binding.status ?? 200),
    row,
    difference,
    method,
    path: route.replace(/^\/api/, ''),
    converses,
  }
}

let described: readonly RowTool[] | undefined

/** Every row that is a tool. Made once: the schemas are large. */
const rowTools = (): readonly RowTool[] => {
  described ??= table.flatMap((row) => (row.mcp === undefined ? [] : [toRowTool(row, row.mcp)]))
  return described
}

/** The arguments under the row's names, with the tool's defaults; null is absent. */
const toInput = (tool: RowTool, args: Readonly<Record<string, unknown>>, own_bot: string): Record<string, unknown> => {
  const { rename = {}, defaults = {}, bot } = tool.difference
  const given: Record<string, unknown> = { ...defaults, ...(bot === 'own' ? { bot_id: own_bot } : {}) }
  for (const [name, value] of Object.entries(args)) {
    const piece = tool.inputSchema.properties?.[name]
    if (value === null || value === undefined || piece === undefined) continue
    // Telegram's chat ids look like numbers, and models write them so.
    given[name] = Number.isSafeInteger(value) && isText(piece) ? String(value) : value
  }
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [rename[name] ?? name, value]))
}

const isScalar = (value: unknown): value is string | number | boolean => ['string', 'number', 'boolean'].includes(typeof value)

/** The request for an input: what the path names goes there, the rest into the query or the body. */
const toQuestion = (tool: RowTool, input: Record<string, unknown>): Pick<Question, 'method' | 'path' | 'query' | 'body'> => {
  const rest = { ...input }
  const path = tool.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = rest[name]
    if (!isScalar(value) || value === '') throw new BackendFault('refused', `${name}: is missing. Call again with it.`)
    delete rest[name]
    return encodeURIComponent(value)
  })
  if (tool.method !== 'GET') return { method: tool.method, path, body: rest }
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(rest)) query.set(name, isScalar(value) ? String(value) : JSON.stringify(value))
  return { method: tool.method, path, query }
}

const callRow =
  (tool: RowTool, deps: ToolDeps): Tool['call'] =>
  async (args, call) => {
    const { settings, backend } = deps
    const input = toInput(tool, args, settings.bot_id)
    if (tool.converses) {
      const message = { bot_id: 'default', ...input } as unknown as Message
      return await converse(
        { ...deps.conversation, backend, chain: deps.chain, timeout_ms: settings.gateway_timeout_ms },
        message,
        call,
      )
    }
    const chain = tool.difference.chained === true ? await deps.chain() : []
    const refusal = refusalOf(chain)
    if (refusal !== undefined) return toFailure(refusal)
    // One key for all attempts of this call: a repeat attaches to what the first one began.
    const key: Record<string, string> = hasField(tool.row, 'idempotency_key') ? { 'idempotency-key': randomUUID() } : {}
    const slow = tool.difference.slow === true
    const answer = await backend.ask({
      ...toQuestion(tool, input),
      headers: { ...key, ...chainHeaders(chain) },
      timeout_ms: slow ? settings.gateway_timeout_ms : settings.timeout_ms,
      setting: slow ? 'MCB_GATEWAY_TIMEOUT' : 'MCB_MCP_TIMEOUT',
      repeatable: tool.row.idempotent === true,
      doubt: { look: tool.difference.look, arrived: false },
      signal: call.signal,
    })
    return toResult(answer)
  }

const HEALTH: Description = {
  name: 'health_check',
  description: 'Whether Switchboard answers.',
  inputSchema: { type: 'object', properties: {} },
  outputSchema: { type: 'object', properties: { status: { type: 'string' } }, required: ['status'] },
  annotations: { readOnlyHint: true, openWorldHint: false },
}

/** All tools by name. */
export const createTools = (deps: ToolDeps): ReadonlyMap<string, Tool> => {
  const { backend, settings } = deps
  const health: Tool = {
    ...HEALTH,
    call: async (_args, { signal }) =>
      toResult(await backend.ask({ method: 'GET', path: '/health', timeout_ms: settings.timeout_ms, repeatable: true, signal })),
  }
  const rows = rowTools().map((tool): Tool => {
    const { name, description, inputSchema, outputSchema, annotations } = tool
    return { name, description, inputSchema, outputSchema, annotations, call: callRow(tool, deps) }
  })
  const metaLoop = settings.meta_loop_base === undefined ? [] : createMetaLoopTools(settings.meta_loop_base, settings.timeout_ms)
  return new Map([health, ...rows, ...metaLoop].map((tool) => [tool.name, tool]))
}
