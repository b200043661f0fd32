/** Tools for a meta-loop, a program of its own beside Switchboard; there are none where no address of one is set. */
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import { createBackend, type Question } from './backend.ts'
import { BackendFault } from './fault.ts'
import type { ObjectSchema, Tool } from './tool.ts'

type Args = Readonly<Record<string, unknown>>

interface MetaLoopTool {
  readonly summary: string
  readonly properties?: Record<string, object>
  readonly required?: string[]
  readonly request: (args: Args) => Pick<Question, 'method' | 'path' | 'query' | 'body'>
}

/** JSON where it is some; else the text itself. */
const parsePayload = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return { raw: text }
  }
}

const TOOLS: Readonly<Record<string, MetaLoopTool>> = {
  meta_loop_status: {
    summary: 'How the meta-loop is doing.',
    request: () => ({ method: 'GET', path: '/status' }),
  },
  meta_loop_trigger: {
    summary: 'Begin a cycle of the meta-loop.',
    properties: { trigger_reason: { type: 'string', default: 'manual' } },
    request: ({ trigger_reason }) => ({ method: 'POST', path: '/trigger', body: { trigger: trigger_reason ?? 'manual' } }),
  },
  meta_loop_signal: {
    summary: 'Tell the meta-loop of something that happened.',
    properties: {
      source: { type: 'string' },
      priority: { type: 'string', default: 'normal' },
      payload: { type: 'string', default: '{}', description: 'JSON' },
    },
    required: ['source'],
    request: ({ source, priority, payload }) => ({
      method: 'POST',
      path: '/signal',
      body: { source, priority: priority ?? 'normal', payload: parsePayload(String(payload ?? '{}')) },
    }),
  },
  meta_loop_evolution_log: {
    summary: 'What the meta-loop has changed.',
    properties: { limit: { type: 'integer', default: 20 } },
    request: ({ limit }) => ({
      method: 'GET',
      path: '/evolution-log',
      query: new URLSearchParams({ limit: String(limit ?? 20) }),
    }),
  },
  meta_loop_approve: {
    summary: 'Approve a change that the meta-loop proposes.',
    properties: { change_id: { type: 'string' } },
    required: ['change_id'],
    request: ({ change_id }) => ({ method: 'POST', path: `/approve/${encodeURIComponent(String(change_id))}` }),
  },
  meta_loop_pending_approvals: {
    summary: 'The changes that wait for an approval.',
    request: () => ({ method: 'GET', path: '/pending-approvals' }),
  },
}

const OUTPUT: ObjectSchema = { type: 'object', properties: { result: { type: 'string' } }, required: ['result'] }

/** The answer as one text, as the predecessor's clients read it: also the structured content is that text. */
const toTextResult = (value: unknown): CallToolResult => {
  const text = JSON.stringify(value, null, 2)
  return { content: [{ type: 'text', text }], structuredContent: { result: text } }
}

/** The tools for the meta-loop that listens at `base` (`http://localhost:8200`). */
export const createMetaLoopTools = (base: string, timeout_ms: number): readonly Tool[] => {
  const backend = createBackend({ api_base: `${base}/api/meta-loop` })
  return Object.entries(TOOLS).map(([name, { summary, properties = {}, required, request }]): Tool => {
    const reads = request({}).method === 'GET'
    const doubt = { look: reads ? undefined : 'meta_loop_status', arrived: false }
    return {
      name,
      description: summary,
      inputSchema: { type: 'object', properties, ...(required === undefined ? {} : { required }) },
      outputSchema: OUTPUT,
      annotations: reads
        ? { readOnlyHint: true, openWorldHint: true }
        : { readOnlyHint: false, destructiveHint: name === 'meta_loop_approve', idempotentHint: false, openWorldHint: true },
      call: async (args, { signal }) => {
        const lacking = required?.find((field) => args[field] === undefined || args[field] === null)
        if (lacking !== undefined) throw new BackendFault('refused', `${lacking}: is missing. Call again with it.`)
        try {
          return toTextResult(await backend.ask({ ...request(args), timeout_ms, repeatable: false, doubt, signal }))
        } catch (error) {
          if (!(error instanceof BackendFault) || error.kind !== 'absent') throw error
          throw new BackendFault('absent', `Cannot connect to the meta-loop at ${base}: start it, or correct META_LOOP_BASE.`, {
            cause: error,
          })
        }
      },
    }
  })
}
