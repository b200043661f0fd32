import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { checkLeaks, eventually } from '../harness.ts'
import { type MessagesApi, startMessagesApi } from './messages-api.ts'

checkLeaks()

async function open(t: TestContext): Promise<MessagesApi> {
  const api = await startMessagesApi()
  t.after(() => api.close())
  return api
}

type Message = { role: string; content: unknown }

/** Asks as the CLI does. `connection: close` leaves no idle socket behind. */
async function ask(api: MessagesApi, messages: (Message | string)[], options: { stream?: boolean; tools?: object[] } = {}) {
  const { stream = true, tools = [{ name: 'Bash' }] } = options
  const asked = messages.map((message) => (typeof message === 'string' ? { role: 'user', content: message } : message))
  return await fetch(`${api.url}/v1/messages?beta=true`, {
    method: 'POST',
    headers: { 'x-claude-code-session-id': 's1', connection: 'close' },
    body: JSON.stringify({ model: 'm', stream, tools, messages: asked }),
  })
}

type Event = { type: string; delta?: { text?: string; partial_json?: string; stop_reason?: string } }

function eventsOf(text: string): Event[] {
  return [...text.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => JSON.parse(data) as Event)
}

const textOf = (text: string) =>
  eventsOf(text)
    .map((event) => event.delta?.text ?? '')
    .join('')

test('messages api - streams tokens in the API order', async (t) => {
  const api = await open(t)
  const body = await (await ask(api, ['{{tokens=2 label=L}}'])).text()
  assert.equal(textOf(body), 'L t0 t1')
  assert.deepEqual(
    eventsOf(body).map(({ type }) => type),
    [
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_delta',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ],
  )
})

test('messages api - answers whole where no stream is wanted, and echoes without directives', async (t) => {
  const api = await open(t)
  const body = (await (await ask(api, ['hello'], { stream: false })).json()) as { content: unknown }
  assert.deepEqual(body.content, [{ type: 'text', text: 'echo: hello' }])
})

test('messages api - counts a prompt by the newest message, not by the history', async (t) => {
  const api = await open(t)
  const reminder = { type: 'text', text: '<system-reminder>x</system-reminder>' }
  await (await ask(api, ['first'])).text()
  const second = { role: 'user', content: [reminder, { type: 'text', text: 'second' }] }
  await (await ask(api, ['first', { role: 'assistant', content: 'a' }, second, { role: 'system', content: 'mid' }])).text()
  await (await ask(api, ['Hi'], { tools: [] })).text()
  assert.deepEqual(api.prompts(), ['first', 'second'])
  assert.equal(api.count('first'), 1)
  assert.equal(api.requests.length, 3)
  assert.equal(api.requests[0]?.session_id, 's1')
  assert.equal(api.requests[2]?.kind, 'side')
})

test('messages api - calls a tool once, then answers with its result, then in a turn of the CLI itself', async (t) => {
  const api = await open(t)
  const prompt = '{{tool=Bash command="ls" background say="all done" own_label=mine}}'
  const call = await (await ask(api, [prompt])).text()
  assert.match(call, /"partial_json":"\{\\"command\\":\\"ls\\".*run_in_background/)
  assert.match(call, /"stop_reason":"tool_use"/)
  const result = { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'x', content: 'ok' }] }
  const history = [prompt, { role: 'assistant', content: 'a' }, result]
  assert.equal(textOf(await (await ask(api, history)).text()), 'all done')
  const note = {
    role: 'user',
    content: [{ type: 'text', text: '<system-reminder><task-notification>…</task-notification></system-reminder>' }],
  }
  assert.equal(textOf(await (await ask(api, [...history, { role: 'assistant', content: 'b' }, note])).text()), 'mine t0 t1')
  assert.deepEqual(
    api.requests.map(({ kind }) => kind),
    ['prompt', 'tool_result', 'own'],
  )
  assert.equal(api.prompts().length, 1)
})

test('messages api - gives errors as the API does, as often as asked', async (t) => {
  const api = await open(t)
  for (const status of [400, 401, 403, 404, 413, 500, 529]) {
    const response = await ask(api, [`{{status=${status} message="so it is"}}`])
    assert.equal(response.status, status)
    assert.match(await response.text(), /"message":"so it is"/)
  }
  const limited = await ask(api, ['{{status=429 retry_after=7 unified times=1}} x'])
  assert.equal(limited.status, 429)
  assert.equal(limited.headers.get('retry-after'), '7')
  assert.equal(limited.headers.get('anthropic-ratelimit-unified-status'), 'rejected')
  await limited.text()
  assert.equal((await ask(api, ['{{status=429 retry_after=7 unified times=1}} x'])).status, 200)
  assert.equal(api.prompts().length, 1, 'a refused prompt did not reach the model')
})

test('messages api - cuts, breaks and stalls a stream, and never answers; closing ends all', async (t) => {
  const api = await open(t)
  await assert.rejects(async () => await (await ask(api, ['{{tokens=9 cut_after=2}}'])).text())
  const broken = await (await ask(api, ['{{tokens=9 fault_after=2}}'])).text()
  assert.equal(eventsOf(broken).at(-1)?.type, 'error')
  const hanging = ask(api, ['{{hang}}']).then(
    () => 'answered',
    () => 'ended',
  )
  const stalled = ask(api, ['{{tokens=9 stall_after=2}}']).then(async (response) => await response.text())
  await eventually(() => api.requests.length === 4)
  await api.close()
  assert.equal(await hanging, 'ended')
  // Node's fetch takes a body that breaks off for one that has ended: what matters is that no more came.
  assert.equal(textOf(await stalled.catch(() => '')).replace('t0 t1', ''), '')
})
