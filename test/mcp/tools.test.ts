/** The tools as a client sees them: what configurations and habits of the predecessor rely on. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBackend } from '../../mcp/backend.ts'
import { DIFFERENCES } from '../../mcp/differences.ts'
import type { Tool } from '../../mcp/tool.ts'
import { createTools } from '../../mcp/tools.ts'
import { table } from '../../protocol/contract.ts'

/** Parameters with their defaults; `needed` where there is none. */
const needed = Symbol('needed')
type Parameters = Readonly<Record<string, unknown>>

/** The predecessor's tools. */
const PREDECESSOR: Readonly<Record<string, Parameters>> = {
  health_check: {},
  list_cron_jobs: { bot_id: null },
  create_cron_job: { name: needed, cron_expression: needed, command: needed, job_type: 'shell', timezone: null, bot_id: null },
  update_cron_job: { job_id: needed, name: null, cron_expression: null, command: null, job_type: null, enabled: null },
  delete_cron_job: { job_id: needed },
  run_cron_job: { job_id: needed },
  get_cron_job_history: { job_id: needed, limit: 20 },
  add_memory: { key: needed, content: needed, category: 'general', bot_id: null },
  update_memory: { memory_id: needed, content: null, category: null },
  search_memory: { query: needed, limit: 5, bot_id: null },
  list_memories: { category: null, bot_id: null },
  delete_memory: { memory_id: needed },
  search_chat_history: { query: needed, limit: 10, bot_id: null },
  list_chat_sessions: { bot_id: null },
  get_chat_session: { session_id: needed },
  get_metrics: {},
  list_gateway_sessions: { bot_id: null },
  stop_gateway_session: { chat_id: needed, bot_id: 'default' },
  reset_gateway_session: { chat_id: needed, bot_id: 'default' },
  set_nirmana_mode: { chat_id: needed, action: needed, bot_id: 'default' },
  get_nirmana_state: { chat_id: needed, bot_id: 'default' },
  send_gateway_message: { chat_id: needed, message: needed, bot_id: 'default' },
  // Its bot_token was needed, and may be left out now.
  send_background_message: { chat_id: needed, message: needed, bot_token: '', bot_id: 'default' },
  get_background_status: { chat_id: needed, bot_id: 'default', project_id: '' },
}

const META_LOOP: Readonly<Record<string, Parameters>> = {
  meta_loop_status: {},
  meta_loop_trigger: { trigger_reason: 'manual' },
  meta_loop_signal: { source: needed, priority: 'normal', payload: '{}' },
  meta_loop_evolution_log: { limit: 20 },
  meta_loop_approve: { change_id: needed },
  meta_loop_pending_approvals: {},
}

const toolsWith = (meta_loop_base: string | undefined): ReadonlyMap<string, Tool> =>
  createTools({
    backend: createBackend({ api_base: 'http://127.0.0.1:9/api' }),
    chain: async () => [],
    settings: { timeout_ms: 1_000, gateway_timeout_ms: 1_000, bot_id: 'default', meta_loop_base },
  })

const parametersOf = ({ inputSchema }: Tool): Parameters =>
  Object.fromEntries(
    Object.entries(inputSchema.properties ?? {}).map(([name, piece]) => [
      name,
      inputSchema.required?.includes(name) === true ? needed : (piece as { default?: unknown }).default,
    ]),
  )

const assertParameters = (tool: Tool, wanted: Parameters): void => {
  const shown = parametersOf(tool)
  for (const [name, fallback] of Object.entries(wanted)) {
    assert.ok(Object.hasOwn(shown, name), `${tool.name} has ${name}`)
    assert.equal(shown[name], fallback, `${tool.name}: the default of ${name}`)
  }
  const more = Object.entries(shown).filter(([name, fallback]) => !Object.hasOwn(wanted, name) && fallback === needed)
  assert.deepEqual(more, [], `${tool.name} needs more than it did`)
}

test("mcp tools - hold the predecessor's names, parameters and defaults, for every row that is there", (t) => {
  const tools = toolsWith(undefined)
  const known = new Set(['health_check', ...table.flatMap((row) => row.mcp ?? [])])
  const missing = Object.keys(PREDECESSOR).filter((name) => !known.has(name))
  if (missing.length > 0) t.diagnostic(`no row of the contract has them yet: ${missing.join(', ')}`)
  for (const [name, wanted] of Object.entries(PREDECESSOR)) {
    const tool = tools.get(name)
    if (known.has(name)) assert.ok(tool, `${name} is a tool`)
    if (tool !== undefined) assertParameters(tool, wanted)
  }
})

test('mcp tools - of a meta-loop are there when its address is', () => {
  const names = (tools: ReadonlyMap<string, Tool>): string[] => [...tools.keys()].filter((name) => name.startsWith('meta_loop'))
  assert.deepEqual(names(toolsWith(undefined)), [])
  const tools = toolsWith('http://127.0.0.1:9')
  assert.deepEqual(names(tools).sort(), Object.keys(META_LOOP).sort())
  for (const [name, wanted] of Object.entries(META_LOOP)) assert.deepEqual(parametersOf(tools.get(name) as Tool), wanted)
})

test('mcp tools - every row with a name is one, and every declared difference fits its row', () => {
  const tools = toolsWith(undefined)
  for (const row of table) {
    if (row.mcp === undefined) continue
    const tool = tools.get(row.mcp)
    assert.ok(tool, row.mcp)
    const { hide = [], rename = {}, bot } = DIFFERENCES[row.mcp] ?? {}
    const { shape } = row.input as unknown as { shape: Record<string, unknown> }
    const fields = [...hide, ...Object.values(rename), ...(bot === undefined ? [] : ['bot_id'])]
    assert.deepEqual(
      fields.filter((field) => !Object.hasOwn(shape, field)),
      [],
      `${row.mcp}: fields of its difference`,
    )
  }
})

test('mcp tools - have schemas of objects, sentences, and hints that fit their verbs', () => {
  for (const tool of toolsWith('http://127.0.0.1:9').values()) {
    assert.match(tool.name, /^[a-z_]{1,64}$/)
    assert.match(tool.description, /^[A-Z].+\.$/, tool.name)
    assert.equal(tool.inputSchema.type, 'object', tool.name)
    assert.equal(tool.outputSchema.type, 'object', tool.name)
    assert.equal(
      JSON.stringify(tool.outputSchema).includes('"additionalProperties":false'),
      false,
      `${tool.name}: fields may come`,
    )
    assert.equal(typeof tool.annotations.readOnlyHint, 'boolean', tool.name)
    for (const hidden of ['idempotency_key', 'response', 'wait_ms', 'user_id'])
      assert.equal(Object.hasOwn(tool.inputSchema.properties ?? {}, hidden), false, `${tool.name} does not show ${hidden}`)
  }
  const all = toolsWith(undefined)
  for (const { name, annotations } of all.values()) {
    if (annotations.readOnlyHint === true || annotations.idempotentHint === true) continue
    const look = DIFFERENCES[name]?.look ?? ''
    assert.equal(
      all.get(look)?.annotations.readOnlyHint,
      true,
      `${name}: what tells whether it was done, when its answer is lost?`,
    )
  }
  const hints = (name: string) => all.get(name)?.annotations
  assert.deepEqual(hints('list_chat_sessions'), { readOnlyHint: true, openWorldHint: false })
  assert.equal(hints('reset_gateway_session')?.destructiveHint, true)
  assert.equal(hints('reset_gateway_session')?.idempotentHint, true)
  // Each call is a message of its own, though its row may be repeated.
  assert.equal(hints('send_gateway_message')?.idempotentHint, false)
  assert.equal(hints('send_gateway_message')?.openWorldHint, true)
  assert.equal(hints('interrupt_gateway_session')?.idempotentHint, false)
})
