/** A client that nobody here wrote: the official inspector, one process for each question, lists everything and calls every tool. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import path from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import type { CallToolResult, ListToolsResult } from '@modelcontextprotocol/sdk/types.js'
import { table } from '../../protocol/contract.ts'
import { packageRoot } from '../../services/runtime/package-root.ts'
import { openHouse } from '../gateway-edge/house.ts'
import { checkLeaks } from '../harness.ts'
import { mcpMain } from './client.ts'

checkLeaks()

const run = promisify(execFile)
const folder = path.join(packageRoot(import.meta.url), 'node_modules', '@modelcontextprotocol', 'inspector-cli', 'build')

const inspect = async (target: string[], env: Record<string, string>, method: string, ...more: string[]): Promise<unknown> => {
  const { PATH = '', HOME = '' } = process.env
  // It looks for its own package beside the folder it is started in.
  const options = { cwd: folder, env: { PATH, HOME, ...env }, timeout: 60_000, maxBuffer: 64 * 1_048_576 }
  const { stdout } = await run(process.execPath, ['index.js', ...target, '--method', method, ...more], options)
  return JSON.parse(stdout)
}

const TURN = '3f0c7a52-9b1d-4c8e-a6f4-5d2e8b7c9a10'

const task = {
  task_id: TURN,
  bot_id: 'default',
  chat_id: '7',
  project_id: 'p',
  state: 'done' as const,
  message: 'm',
  result: 'r',
  reason: null,
  chain_id: TURN,
  depth: 0,
  outcome: null,
  note: null,
  created_at: 1,
  due_at: null,
  started_at: 1,
  ended_at: 2,
  elapsed_ms: 1,
  progress: null,
  input_tokens: null,
  output_tokens: null,
  cost_usd: null,
}

/** What sessions in memory does not do by itself. */
const MORE = {
  send_background: async () => ({ status: 'started' }),
  list_tasks: async () => ({ tasks: [task] }),
  task: async () => ({ ...task, deliveries: [] }),
  cancel_task: async () => ({ cancelled: false }),
  background_status: async () => ({ status: 'idle' }),
  set_nirmana: async () => ({ status: 'ok', message: null, briefing: null }),
  nirmana: async () => ({ nirmana_mode: false, nirmana_activated_at: 0, away_duration_seconds: null }),
}

/** An argument for each field that a tool needs. */
const SAMPLES: Readonly<Record<string, string>> = {
  chat_id: '7',
  session_id: 'gw-default-7',
  task_id: TURN,
  message: 'hello',
  action: 'away',
  job_id: '1',
  memory_id: '1',
  name: 'n',
  cron_expression: '0 9 * * *',
  command: 'date',
  key: 'k',
  content: 'c',
  query: 'q',
  run_id: TURN,
  report_id: TURN,
  lang: 'cn',
  names: 'system.cpu_percent',
}

/** The services that the house has; those of the others answer with a tool error, which is what is looked for then. */
const SERVED: ReadonlySet<string> = new Set(['sessions', 'history', 'scheduler', 'memory', 'metrics', 'reports'])

test('mcp inspector - lists and calls every tool, reads resources and prompts', async (t) => {
  const house = await openHouse(t, { onTurn: (turn) => turn.end(`echo ${turn.message}`) })
  Object.assign(house.sessions.handlers, MORE)
  await house.post('/api/chat/messages', { session_id: 'gw-default-7', role: 'user', content: 'hi' })
  const env = { MCB_API_BASE: `${house.url}/api`, MCB_MCP_TIMEOUT: '10' }
  const ask = (method: string, ...more: string[]) => inspect([process.execPath, mcpMain], env, method, ...more)

  const { tools } = (await ask('tools/list')) as ListToolsResult
  const names = table.flatMap((row) => row.mcp ?? [])
  assert.deepEqual(tools.map(({ name }) => name).sort(), ['health_check', ...names].sort())
  const callOne = async ({ name, inputSchema }: ListToolsResult['tools'][number]): Promise<void> => {
    const lacking = (inputSchema.required ?? []).filter((field) => SAMPLES[field] === undefined)
    assert.deepEqual(lacking, [], `${name}: an argument for this test`)
    const given = (inputSchema.required ?? []).flatMap((field) => ['--tool-arg', `${field}=${SAMPLES[field]}`])
    const result = (await ask('tools/call', '--tool-name', name, ...given)) as CallToolResult
    const row = table.find((known) => known.mcp === name)
    const served = row === undefined || SERVED.has(row.service)
    assert.equal(result.isError === true, !served, `${name}: ${JSON.stringify(result.content)}`)
    if (served) assert.ok(result.structuredContent, name)
    if (name === 'send_gateway_message') assert.deepEqual(result.structuredContent, { response: 'echo hello', session_key: '7' })
  }
  const waiting = [...tools]
  const worker = async (): Promise<void> => {
    for (let tool = waiting.pop(); tool !== undefined; tool = waiting.pop()) await callOne(tool)
  }
  await Promise.all([worker(), worker(), worker()])

  const { resources } = (await ask('resources/list')) as { resources: { uri: string }[] }
  assert.ok(resources.some(({ uri }) => uri === 'chat://gw-default-7'))
  const { contents } = (await ask('resources/read', '--uri', 'chat://gw-default-7')) as { contents: { text: string }[] }
  assert.match(contents[0]?.text ?? '', /hi/)
  const { prompts } = (await ask('prompts/list')) as { prompts: { name: string }[] }
  assert.ok(prompts.some(({ name }) => name === 'summarise_chat'))
})
