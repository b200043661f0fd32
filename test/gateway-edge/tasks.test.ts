/** The Go bot's commands for background work, over the real edge and the real services, decoded as strictly as Go decodes. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openScriptedRig, type Rig } from '../crash/rig.ts'
import { type BotApiFake, startBotApi } from '../fakes/bot-api.ts'
import { freePort } from '../free-port.ts'
import { atEnd, checkLeaks, eventually, ready, type Scope, startModule } from '../harness.ts'

checkLeaks()

/** What Go declares each field as; a number with a fraction in an `int` field is a decoding error there. */
type GoType = 'int' | 'float' | 'string' | 'bool' | 'any'

const decode = (text: string, fields: Readonly<Record<string, GoType>>): Record<string, unknown> => {
  const value = JSON.parse(text) as Record<string, unknown>
  for (const [name, type] of Object.entries(fields)) {
    const field = value[name]
    if (field === null || field === undefined || type === 'any') continue
    if (type !== 'int') assert.equal(typeof field, type === 'float' ? 'number' : type === 'bool' ? 'boolean' : 'string', name)
    else assert.match(text, new RegExp(`"${name}":-?\\d+[,}\\]]`), `${name} is written as an integer`)
  }
  return value
}

interface Place {
  readonly rig: Rig
  readonly telegram: BotApiFake
  get(path: string, fields: Readonly<Record<string, GoType>>): Promise<Record<string, unknown>>
  post(path: string, body: object, fields: Readonly<Record<string, GoType>>): Promise<Record<string, unknown>>
  readonly cwd: string
  readonly url: string
}

const openPlace = async (t: Scope & { skip(message?: string): void }, env: Record<string, string> = {}): Promise<Place> => {
  const telegram = await startBotApi()
  atEnd(t, () => telegram.close())
  const rig = await openScriptedRig(t, { TELEGRAM_API_BASE: telegram.url })
  const port = await freePort()
  const edge = startModule(t, 'gateway-edge/main.ts', { ...rig.env, ...env, GATEWAY_PORT: String(port) })
  await ready(edge)
  const url = `http://127.0.0.1:${port}`
  const read = async (response: Response, fields: Readonly<Record<string, GoType>>) => {
    const text = await response.text()
    assert.equal(response.status, 200, text)
    return decode(text, fields)
  }
  return {
    rig,
    telegram,
    get: async (path, fields) => await read(await fetch(url + path), fields),
    post: async (path, body, fields) =>
      await read(
        await fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
        fields,
      ),
    cwd: join(rig.home, 'work', 'default', '400'),
    url,
  }
}

const STARTED = { status: 'string', reason: 'string' } as const
const STATUS = { status: 'string', elapsed_seconds: 'float' } as const

test('tasks - the bot’s commands: begin, look, be refused, be told, clean up', async (t) => {
  const { rig, telegram, get, post, cwd } = await openPlace(t)
  assert.deepEqual(await get('/api/gateway/background-status/400', STATUS), { status: 'idle' })
  assert.deepEqual(await get('/api/gateway/harness-status/400', {}), { jobs: [] })
  const order = { chat_id: '400', message: '{{label=work tokens=40 delay_ms=50}} go', bot_token: '1:bot' }
  const began = Date.now()
  assert.deepEqual(await post('/api/gateway/send-background', order, STARTED), { status: 'started' })
  const { elapsed, ...second } = await post('/api/gateway/send-background', { ...order, message: 'second' }, STARTED)
  assert.deepEqual(second, { status: 'rejected', reason: 'already running' })
  assert.ok(Number(elapsed) >= 0 && Number(elapsed) <= (Date.now() - began) / 1_000, `${elapsed} s`)
  const running = await get('/api/gateway/background-status/400?bot_id=default', { ...STATUS, started_at: 'float' })
  assert.deepEqual(Object.keys(running), ['status', 'message', 'elapsed_seconds', 'started_at'])
  assert.equal(running.status, 'running')
  assert.deepEqual(await get('/api/gateway/background-status/400?project_id=nope', STATUS), { status: 'idle' })
  assert.deepEqual(await get('/api/gateway/background-status/400?bot_id=other', STATUS), { status: 'idle' })
  const completed = await eventually(async () => {
    const now = await get('/api/gateway/background-status/400', STATUS)
    return now.status === 'completed' ? now : null
  })
  assert.deepEqual(Object.keys(completed), ['status', 'result', 'elapsed_seconds'])
  assert.equal(completed.result, rig.answerOf('work', 40))
  await eventually(() => telegram.chat('400').length === 1)
  assert.equal(telegram.chat('400')[0]?.text, rig.answerOf('work', 40))
  const { jobs } = (await get('/api/gateway/harness-status/400', { chain_depth: 'int' })) as { jobs: Record<string, unknown>[] }
  const [{ project_id, elapsed_seconds, ...job } = {}] = jobs
  assert.deepEqual(job, { bg_status: 'completed', chain_depth: 0, cwd, harness: null })
  assert.match(String(project_id), /^[0-9a-f]{8}$/)
  assert.deepEqual(
    await post('/api/gateway/cleanup/400?bot_id=default', {}, { cleaned: 'int', archived: 'int', skipped: 'int' }),
    {
      ...{ cleaned: 1, archived: 0, skipped: 0, details: [`Cleaned (completed): ${project_id}`] },
    },
  )
  assert.deepEqual(await get('/api/gateway/background-status/400', STATUS), { status: 'idle' })
})

test('tasks - a chat with a harness: counts as integers, chained, archived when it is done', async (t) => {
  const { telegram, rig, get, post, cwd } = await openPlace(t)
  mkdirSync(join(cwd, '.harness'), { recursive: true })
  const plan = (...states: string[]) =>
    writeFileSync(
      join(cwd, '.harness', 'tasks.json'),
      JSON.stringify({
        metadata: { project_name: 'demo', current_phase: 'qa' },
        tasks: states.map((status) => ({ status, phase: 'qa' })),
      }),
    )
  plan('done', 'pending')
  await post('/api/gateway/send', { chat_id: '400', message: '{{label=hello tokens=1}} go' }, {})
  const counts = { total: 2, done: 1, in_progress: 0, blocked: 0, pending: 1 }
  const ints = { total: 'int', done: 'int', in_progress: 'int', blocked: 'int', pending: 'int', chain_depth: 'int' } as const
  const { jobs } = (await get('/api/gateway/harness-status/400', ints)) as { jobs: Record<string, unknown>[] }
  assert.equal(jobs[0]?.bg_status, 'idle')
  assert.deepEqual(jobs[0]?.harness, { project_name: 'demo', current_phase: 'qa', ...counts, phases: { qa: counts } })
  const say = '{{say="did it\\n[HARNESS_BATCH_DONE:qa:1/2]"}} go'
  await post('/api/gateway/send-background', { chat_id: '400', message: say, bot_token: '1:bot' }, STARTED)
  await eventually(() => telegram.chat('400').length === 1)
  assert.match(telegram.chat('400')[0]?.text ?? '', /^📊 Batch done — qa: 1\/2 tasks complete[\s\S]*did it$/)
  // The pause: the batch before is the latest, and a person may take the place of the next.
  assert.equal((await get('/api/gateway/background-status/400', STATUS)).status, 'completed')
  plan('done', 'done')
  await post(
    '/api/gateway/send-background',
    { chat_id: '400', message: '{{say="[HARNESS_COMPLETE]"}} go', bot_token: '1:bot' },
    STARTED,
  )
  await eventually(() => telegram.chat('400').length === 2)
  assert.equal(telegram.chat('400')[1]?.text, '✅ Harness loop complete! All tasks finished.')
  const { tasks } = await rig.sessions.list_tasks({})
  assert.deepEqual(
    tasks.map(({ state, outcome }) => [state, outcome]),
    [
      ['done', 'complete'],
      ['cancelled', 'cancelled'],
      ['done', 'continues'],
    ],
  )
  const cleaned = await post('/api/gateway/cleanup/400', {}, { cleaned: 'int', archived: 'int', skipped: 'int' })
  assert.deepEqual([cleaned.cleaned, cleaned.archived, cleaned.skipped], [2, 1, 0])
})

test('tasks - queue, away and back', async (t) => {
  const { get, post, rig } = await openPlace(t)
  const ints = {
    elapsed_seconds: 'int',
    slots_used: 'int',
    slots_max: 'int',
    queue_wait_timeout: 'int',
    queue_wait_remaining: 'int',
  } as const
  const idle = {
    busy: false,
    busy_message: '',
    elapsed_seconds: 0,
    slots_used: 0,
    slots_max: 64,
    queue_wait_timeout: 900,
    queue_wait_remaining: 0,
  }
  assert.deepEqual(await get('/api/gateway/queue-status/400?bot_id=default', ints), idle)
  const turn = await rig.ask(`{{label=x tokens=900 delay_ms=50}} ${'é'.repeat(100)}`, '400')
  await rig.follow(turn, { until: (event) => event.type === 'text' })
  const busy = await get('/api/gateway/queue-status/400', ints)
  assert.equal(busy.busy, true)
  assert.equal([...String(busy.busy_message)].length, 80)
  assert.ok(Number(busy.queue_wait_remaining) > 900)
  assert.equal((await get('/api/gateway/queue-status/400?bot_id=other', ints)).busy, false)
  await rig.sessions.interrupt({ chat_id: '400' })
  const nirmana = { status: 'string', message: 'string', briefing: 'string' } as const
  const away = await post('/api/gateway/nirmana', { chat_id: '400', bot_id: 'default', action: 'away' }, nirmana)
  assert.deepEqual(away, { status: 'ok', message: 'Nirmana activated', briefing: null })
  const state = await get('/api/gateway/nirmana/400', { nirmana_activated_at: 'float', away_duration_seconds: 'float' })
  assert.equal(state.nirmana_mode, true)
  assert.deepEqual(await post('/api/gateway/away/start', { chat_id: '400', bot_token: '1:bot' }, { queued: 'int' }), {
    ...{ repos: [], queued: 0, issues: [], capped: false, skipped_inflight: 0 },
  })
  assert.deepEqual(await post('/api/gateway/away/stop', { chat_id: '400', bot_id: 'default' }, {}), {
    ...{ roundup: [], stopped_new_pickups: true },
  })
})

test('tasks - a chat that may not speak is `rejected`, too; malformed orders are not', async (t) => {
  const { post, url } = await openPlace(t, { GATEWAY_ALLOWED_CHATS: '1' })
  const { status, reason } = await post('/api/gateway/send-background', { chat_id: '400', message: 'x' }, STARTED)
  assert.equal(status, 'rejected')
  assert.match(String(reason), /GATEWAY_ALLOWED_CHATS|may not/)
  const headers = { 'content-type': 'application/json' }
  const malformed = await fetch(`${url}/api/gateway/send-background`, { method: 'POST', headers, body: '{"chat_id":"1"}' })
  assert.equal(malformed.status, 422)
})

test('tasks - what cannot be begun is `rejected`, since the bot looks at nothing else', async (t) => {
  const { post, rig } = await openPlace(t)
  await rig.kill('sessions')
  const order = { chat_id: '400', message: 'x', bot_token: '1:bot' }
  const refused = post('/api/gateway/send-background', { ...order, bot_token: 'no token at all' }, STARTED)
  await rig.start('sessions')
  const { status, reason } = await refused
  assert.equal(status, 'rejected')
  assert.match(String(reason), /token/)
  assert.equal(String(reason).includes('no token at all'), false)
  assert.deepEqual(await post('/api/gateway/send-background', order, STARTED), { status: 'started' })
})
