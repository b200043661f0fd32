/** A day in the life of a Switchboard, with everything that goes wrong in it. */
import assert from 'node:assert/strict'
import { type Row, table } from '../../protocol/contract.ts'
import { eventually } from '../harness.ts'
import { everyDoor, exampleOf } from './doors.ts'
import type { Planted } from './planted.ts'
import { isLong } from './runs.ts'
import { almost } from './strangers.ts'

/** Of an answer to a request over HTTP: what stands behind the headers. */
const jsonOf = (text: string): unknown => JSON.parse(text.slice(text.indexOf('\n') + 1))

/** Of an answer of the MCP server: plain, or in an event of its own. */
const fromMcp = (text: string): unknown => JSON.parse(/^data: (\{.*)$/m.exec(text)?.[1] ?? text.slice(text.indexOf('\n') + 1))

/** Reads everything that there is to be read. */
const readAll = async ({ ask }: Planted): Promise<void> => {
  for (const { route, path, method, kind } of everyDoor())
    if (method === 'GET' && kind !== 'live') assert.ok((await ask(`GET ${path}`)).status < 500 || route === 'GET /readyz', route)
}

/** The least that a row takes, with the ids that answers so far have named: so that there is something to be answered. */
const inputOf = (row: Row, { replies }: Planted): Record<string, unknown> => {
  const all = replies.map(({ text }) => text).join('\n')
  const named = (field: string): string | undefined => [...all.matchAll(new RegExp(`"${field}":"([^"\\\\]+)"`, 'g'))].at(-1)?.[1]
  const input = exampleOf(row)
  return Object.fromEntries(
    Object.entries(input).map(([field, value]) => [field, typeof value === 'string' ? (named(field) ?? value) : value]),
  )
}

interface ListedTool {
  readonly name: string
  readonly annotations: { readonly readOnlyHint: boolean }
}

/** What the other surfaces show: every tool that reads, then every call of the WebSocket, also those that end something. */
const askOtherwise = async (planted: Planted): Promise<void> => {
  const listed = await planted.mcp('tools/list', {})
  const { tools } = (fromMcp(listed.text) as { result: { tools: ListedTool[] } }).result
  const reading = tools.filter(({ annotations }) => annotations.readOnlyHint)
  assert.ok(reading.length > 20, `${reading.length} tools`)
  for (const { name } of reading) {
    const row = table.find(({ mcp }) => mcp === name)
    // What a tool does not know it leaves aside: two of them ask for `query` what the contract calls `q`.
    const given = row === undefined ? {} : { query: 'x', ...inputOf(row, planted) }
    const { status, text } = await planted.mcp('tools/call', { name, arguments: given })
    assert.ok(status === 200 && !/HTTP (422|5)/.test(text), text)
  }
  for (const row of table.filter(({ ws }) => ws === true)) {
    const following = row.follow === undefined ? {} : { follow: true }
    const { text } = await planted.call(row.name, { ...inputOf(row, planted), ...following })
    assert.doesNotMatch(text, /"code":"(internal|invalid_input)"/, row.name)
  }
  await printed(planted)
}

/** The token where it does not belong, and shown wrongly. */
const showWrongly = async ({ ask, canaries }: Planted): Promise<void> => {
  const { GATEWAY_TOKEN: token = '' } = canaries
  const coded = encodeURIComponent(token)
  const wrong: Record<string, string>[] = [
    { authorization: `Bearer ${almost(token)}` },
    { authorization: `Basic ${btoa(`${token}:x`)}` },
    { authorization: `Digest ${token}` },
    { authorization: '', cookie: `switchboard_session=${coded}` },
  ]
  for (const headers of wrong) assert.ok([401, 429].includes((await ask('GET /api/cron', { headers })).status))
  for (const target of [`/api/cron?token=${coded}`, `/api/gateway/turns/${coded}`, `/api/tasks?before=${coded}`])
    await ask(`GET ${target}`)
  await ask('POST /api/login', { body: { token: `${token}x` } })
  await ask('POST /api/login', { body: `{"token":"${token}` })
  await ask('POST /api/login', { body: { token } })
  await ask('POST /api/gateway/send', { body: `{"chat_id":"${token}","message":` })
}

/** Turns that are answered, that fail and whose agent dies. */
const talk = async ({ ask }: Planted): Promise<void> => {
  const send = (message: string): Promise<unknown> => ask('POST /api/gateway/send', { body: { chat_id: '1', message } })
  await send('hello')
  await send('{{api_error="Invalid API key"}} x')
  await send('{{stderr="Something is wrong" crash=requesting}} x')
  await send('{{tool=Bash command="env | cut -c1-3; exit 3" say="done"}} x')
  await ask('POST /api/gateway/send-stream', { body: { chat_id: '1', message: 'again' } })
}

/** Results that Telegram refuses and takes. */
const work = async ({ ask, canaries }: Planted): Promise<void> => {
  const tokens = { good: canaries.BOT_OF_TASK, bad: `${canaries.BOT_OF_TASK} `, worse: `bot${canaries.BOT_OF_TASK}` }
  for (const bot_token of [tokens.bad, tokens.worse])
    await ask('POST /api/tasks', { body: { chat_id: '7', message: 'x', bot_token } })
  for (const message of ['{{say="it is fine"}} x', '{{say="it is not"}} x']) {
    const { text } = await ask('POST /api/tasks', { body: { chat_id: '7', message, bot_token: tokens.good } })
    const { task_id } = jsonOf(text) as { task_id: string }
    await eventually(async () => /"state":"(done|failed)"/.test((await ask(`GET /api/tasks/${task_id}`)).text), {
      timeout_ms: 20_000,
    })
  }
}

/** Jobs of all kinds, run at once; a shell job shows all that it was given. */
const schedule = async ({ ask, canaries, webhook }: Planted): Promise<void> => {
  const common = { cron_expression: '0 0 29 2 *', timezone: 'UTC' }
  const jobs = [
    {
      name: 'env',
      command: 'env; echo failed >&2; exit 3',
      delivery: { kind: 'telegram', chat_id: '7', bot_token: canaries.BOT_OF_JOB },
    },
    { name: 'hook', command: 'echo x', delivery: { kind: 'webhook', url: webhook } },
    { name: 'prompt', command: 'hello', job_type: 'claude' },
  ]
  for (const job of jobs) {
    const { text, status } = await ask('POST /api/cron', { body: { ...common, ...job } })
    assert.ok(status < 300, text)
    const { id } = jsonOf(text) as { id: number }
    await ask(`POST /api/cron/${id}/run`)
    await ask(`GET /api/cron/${id}/history`)
  }
  await ask('POST /api/cron', {
    body: {
      ...common,
      name: 'x',
      command: 'x',
      delivery: { kind: 'telegram', chat_id: '7', bot_token: `${canaries.BOT_OF_JOB} ` },
    },
  })
}

const HELLO_MCP = [
  {
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'x', version: '1' } },
  },
  { jsonrpc: '2.0', method: 'notifications/initialized' },
  { jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'list_cron_jobs', arguments: {} } },
]
  .map((message) => `${JSON.stringify(message)}\n`)
  .join('')

/** Nothing of a report is under way. */
const printed = ({ ask }: Planted): Promise<boolean> =>
  eventually(async () => !/"state":"(gather|write|typeset|proof|send)"/.test((await ask('GET /api/reports')).text), {
    timeout_ms: 60_000,
    every_ms: 200,
  })

/** The morning paper by a mail server that does not accept our password. */
const print = async (planted: Planted): Promise<void> => {
  await planted.ask('POST /api/reports', { body: { lang: 'cn' } })
  await printed(planted)
}

/** Programs beside the services: the commands, and the MCP server where it finds nobody, or a wrong token. */
const command = async ({ command: run, program, canaries, url }: Planted): Promise<void> => {
  const token = encodeURIComponent(canaries.MCB_TOKEN ?? '')
  const nobody = { MCB_API_BASE: `http://x:${token}@127.0.0.1:9/api`, MCB_MCP_TIMEOUT: '1' }
  // Settings that are wrong are told by name.
  const wrong = {
    GATEWAY_TOKEN: `${canaries.GATEWAY_TOKEN} x`,
    SMTP_URL: `${canaries.SMTP_URL}`,
    LOG_LEVEL: `${canaries.GITHUB_TOKEN}`,
  }
  const programs = [
    () => run('doctor', '--json'),
    () => run('backup'),
    () => program('mcp/main.js', [], HELLO_MCP, nobody),
    () => program('gateway-edge/main.js', [], '', wrong),
    // Each takes a second to start: the short look leaves them out.
    ...(isLong
      ? [
          () => run('push-metrics'),
          () => run('report', '--lang', 'en'),
          () => run('status'),
          () => run('verify'),
          () => program('mcp/main.js', [], HELLO_MCP, { MCB_API_BASE: `${url}/api` }),
          () => program('services/reports/main.js', [], '', wrong),
          () => program('services/sessions/main.js', [], '', { ...wrong, CLAUDE_PERMISSION_MODE: `${canaries.GATEWAY_TOKEN}` }),
        ]
      : []),
  ]
  await Promise.all(
    [0, 1].map(async (half) => {
      for (const start of programs.filter((_, at) => at % 2 === half)) await start()
    }),
  )
}

/** Does all of it. */
export const driveEverything = async (planted: Planted): Promise<void> => {
  const isQuiet = async (): Promise<boolean> => (await planted.ask('GET /api/gateway/turns')).text.endsWith('{"turns":[]}')
  for (const step of [showWrongly, talk, work, schedule, print, command, readAll, askOtherwise]) await step(planted)
  await eventually(isQuiet, { timeout_ms: 20_000, every_ms: 100 })
}
