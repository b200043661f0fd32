import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { ServiceError } from '../../../protocol/errors.ts'
import type { Turn } from '../../../protocol/sessions.ts'
import type { SessionsDoor } from '../../../services/scheduler/claude.ts'
import { checkLeaks, deferred, eventually } from '../../harness.ts'
import { openRig } from './rig.ts'

checkLeaks()

/** Sessions as the scheduler sees them: turns that the test ends. */
const createSessions = () => {
  const sent: { bot_id?: string | undefined; chat_id: string; message: string; idempotency_key?: string | undefined }[] = []
  const turns = new Map<string, Turn>()
  const byKey = new Map<string, string>()
  const interrupted: string[] = []
  let changed = deferred()
  const set = (turn_id: string, fields: Partial<Turn>): void => {
    turns.set(turn_id, { ...(turns.get(turn_id) as Turn), ...fields })
    changed.resolve()
    changed = deferred()
  }
  const door: Partial<SessionsDoor> = {
    send: async (input) => {
      sent.push(input)
      const known = byKey.get(input.idempotency_key ?? '')
      if (known !== undefined) return { turn_id: known, attached: true }
      const turn_id = randomUUID()
      byKey.set(input.idempotency_key ?? '', turn_id)
      const none = { input_tokens: null, output_tokens: null, cache_read_tokens: null, cache_creation_tokens: null }
      set(turn_id, {
        ...{
          turn_id,
          bot_id: input.bot_id ?? 'default',
          chat_id: input.chat_id,
          origin: 'message',
          state: 'waiting',
          message: input.message,
        },
        ...{ reply: null, reason: null, created_at: 0, started_at: null, ended_at: null, ...none },
        ...{ cost_usd: null, duration_ms: null, first_token_ms: null, model: null },
      })
      return { turn_id, attached: false }
    },
    turn: async ({ turn_id }) => {
      const turn = turns.get(turn_id)
      if (turn === undefined) throw new ServiceError('not_found', 'Turn not found')
      return turn
    },
    events: async ({ wait_ms }, options) => {
      const aborted = new Promise<never>((_, reject) => {
        options?.signal?.addEventListener('abort', () => reject(new ServiceError('cancelled')))
      })
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, Math.min(wait_ms ?? 0, 200))
      })
      try {
        await Promise.race([changed.promise, aborted, late])
      } finally {
        clearTimeout(timer)
      }
      return { events: [], ended: false }
    },
    interrupt: async ({ chat_id }) => {
      interrupted.push(chat_id)
      for (const [turn_id, turn] of turns)
        if (turn.chat_id === chat_id && turn.ended_at === null)
          set(turn_id, { state: 'interrupted', ended_at: 1, reply: 'cut', cost_usd: 0.25 })
      return { interrupted: true }
    },
  }
  return { door, sent, interrupted, set, newest: () => [...turns.keys()].at(-1) ?? '' }
}

const claude = { job_type: 'claude', command: 'Say hello', cron_expression: '0 12 * * *' }

test('prompt - is sent to a chat of its own, and the answer and its cost are kept', async (t) => {
  const sessions = createSessions()
  const rig = await openRig(t, { sessions: sessions.door })
  const job_id = await rig.create(claude)
  const { run_id } = await rig.call('run', { job_id, wait_ms: 0 })
  await eventually(() => sessions.sent.length === 1)
  assert.deepEqual(sessions.sent[0], {
    bot_id: 'default',
    chat_id: `cron-${job_id}`,
    message: 'Say hello',
    unattended: true,
    idempotency_key: `cron:${run_id}`,
  })
  sessions.set(sessions.newest(), { state: 'answered', started_at: rig.now, ended_at: rig.now, reply: 'Hello!', cost_usd: 0.5 })
  const run = await rig.settled(run_id)
  assert.deepEqual([run.state, run.result, run.cost_usd, run.turn_id], ['ran', 'Hello!', 0.5, sessions.newest()])
})

test('prompt - goes to an existing chat where the job names one', async (t) => {
  const sessions = createSessions()
  const rig = await openRig(t, { sessions: sessions.door })
  const job_id = await rig.create({ ...claude, chat_id: '-100123', bot_id: 'botB' })
  await rig.call('run', { job_id, wait_ms: 0 })
  await eventually(() => sessions.sent.length === 1)
  assert.deepEqual([sessions.sent[0]?.chat_id, sessions.sent[0]?.bot_id], ['-100123', 'botB'])
})

test('prompt - that runs too long is broken off; waiting for a slot does not count', async (t) => {
  const sessions = createSessions()
  const rig = await openRig(t, { sessions: sessions.door })
  const job_id = await rig.create({ ...claude, timeout_s: 60 })
  const { run_id } = await rig.call('run', { job_id, wait_ms: 0 })
  await eventually(() => sessions.sent.length === 1)
  rig.now += 3_600_000
  sessions.set(sessions.newest(), {})
  await rig.call('get_run', { run_id, wait_ms: 300 })
  assert.deepEqual([sessions.interrupted, rig.states(job_id)], [[], ['running']])
  sessions.set(sessions.newest(), { state: 'running', started_at: rig.now })
  rig.now += 61_000
  sessions.set(sessions.newest(), {})
  const run = await rig.settled(run_id)
  assert.deepEqual([run.state, sessions.interrupted, run.cost_usd], ['failed', [`cron-${job_id}`], 0.25])
  assert.match(run.reason ?? '', /longer than 60 s/)
})

test('prompt - that runs too long while sessions is away is broken off when it is back, and only then judged', async (t) => {
  const sessions = createSessions()
  const away = { interrupt: true, turn: false }
  let asked = 0
  const orAway = async (name: 'interrupt' | 'turn'): Promise<void> => {
    asked += 1
    if (away[name]) throw new ServiceError('unavailable')
  }
  const told = deferred()
  const interrupt: SessionsDoor['interrupt'] = async () => {
    await orAway('interrupt')
    told.resolve()
    return { interrupted: true }
  }
  const turn: SessionsDoor['turn'] = async (input) => {
    await orAway('turn')
    return await (sessions.door as SessionsDoor).turn(input)
  }
  const rig = await openRig(t, { sessions: { ...sessions.door, interrupt, turn } })
  const { now } = performance
  let passed = 0
  t.mock.method(performance, 'now', () => now.call(performance) + passed)
  /** More than half a minute goes by while sessions is away; it is asked again afterwards. */
  const halfMinute = async (): Promise<void> => {
    const before = asked
    await eventually(() => asked > before)
    passed += 31_000
    const then = asked
    await eventually(() => asked > then)
  }
  const job_id = await rig.create({ ...claude, timeout_s: 60 })
  await rig.call('run', { job_id, wait_ms: 0 })
  await eventually(() => sessions.sent.length === 1)
  sessions.set(sessions.newest(), { state: 'running', started_at: rig.now })
  rig.now += 61_000
  sessions.set(sessions.newest(), {})
  await halfMinute()
  assert.deepEqual(rig.states(job_id), ['running'])
  away.turn = true
  away.interrupt = false
  await told.promise
  await halfMinute()
  away.turn = false
  const then = asked
  await eventually(() => asked > then + 1)
  sessions.set(sessions.newest(), { state: 'interrupted', ended_at: rig.now, reply: 'cut' })
  const [run] = await rig.allSettled(job_id)
  assert.deepEqual([run?.state, run?.result], ['failed', 'cut'])
  assert.match(run?.reason ?? '', /longer than 60 s \(timeout_s\) and was ended$/)
})

test('prompt - that is stopped ends so; that somebody broke off in the chat was interrupted and is not tried again', async (t) => {
  const sessions = createSessions()
  const rig = await openRig(t, { sessions: sessions.door })
  const job_id = await rig.create({ ...claude, retries: 3 })
  const first = await rig.call('run', { job_id, wait_ms: 0 })
  await eventually(() => rig.rows(job_id)[0]?.turn_id)
  await rig.call('stop_run', { run_id: first.run_id })
  const stopped = await rig.settled(first.run_id)
  assert.deepEqual([stopped.state, stopped.reason, stopped.attempt], ['failed', 'It was stopped', 1])
  const second = await rig.call('run', { job_id, wait_ms: 0 })
  await eventually(() => sessions.sent.length === 2)
  sessions.set(sessions.newest(), { state: 'interrupted', started_at: 1, ended_at: 2, reply: '', reason: 'by a person' })
  const run = await rig.settled(second.run_id)
  assert.deepEqual([run.state, run.reason, run.attempt], ['interrupted', 'by a person', 1])
})

test('prompt - that failed is sent anew, under another key, where the job has retries', async (t) => {
  const sessions = createSessions()
  const rig = await openRig(t, { sessions: sessions.door })
  const job_id = await rig.create({ ...claude, retries: 1 })
  const { run_id } = await rig.call('run', { job_id, wait_ms: 0 })
  await eventually(() => sessions.sent.length === 1)
  sessions.set(sessions.newest(), { state: 'expired', ended_at: 2, reply: '[BUSY]', reason: 'no slot', cost_usd: 0.1 })
  await eventually(() => rig.states(job_id)[0] === 'claimed' && rig.rows(job_id)[0]?.attempt === 1)
  rig.pass(31)
  await eventually(() => sessions.sent.length === 2)
  sessions.set(sessions.newest(), { state: 'answered', ended_at: 3, reply: 'ok', cost_usd: 0.2 })
  const run = await rig.settled(run_id)
  assert.deepEqual(
    sessions.sent.map(({ idempotency_key }) => idempotency_key),
    [`cron:${run_id}`, `cron:${run_id}:2`],
  )
  assert.deepEqual([run.state, run.attempt, Math.round((run.cost_usd ?? 0) * 100)], ['ran', 2, 30])
})

test('prompt - sessions refuses: the run fails with its words', async (t) => {
  const refuse = async () => {
    throw new ServiceError('low_disk', 'only 3 MB of disk are free')
  }
  const rig = await openRig(t, { sessions: { send: refuse } })
  const job_id = await rig.create(claude)
  const answer = await rig.call('run', { job_id })
  assert.deepEqual([answer.state, answer.reason], ['failed', 'Sessions did not take the prompt: only 3 MB of disk are free'])
})

test('prompt - without money for it today it is skipped: not tried again, and no job is disabled for that', async (t) => {
  let asked = 0
  const refuse = async () => {
    asked += 1
    throw new ServiceError('over_budget', "Today's spending limit of all chats together is reached")
  }
  const rig = await openRig(t, { sessions: { send: refuse } })
  const job_id = await rig.create({ ...claude, retries: 3, disable_after: 1 })
  const answer = await rig.call('run', { job_id })
  assert.deepEqual([answer.state, answer.reason], ['skipped', "Today's spending limit of all chats together is reached"])
  const job = await rig.call('get', { job_id })
  assert.deepEqual([job.enabled, job.failures, asked], [1, 0, 1])
})

test('prompt - what a job may spend a day is counted on the clocks of its zone', async (t) => {
  const sessions = createSessions()
  const rig = await openRig(t, { sessions: sessions.door })
  const job_id = await rig.create({ ...claude, cron_expression: '0 * * * *', timezone: 'Asia/Shanghai', spend_limit_usd: 0.9 })
  for (let hour = 1; hour <= 8; hour += 1) {
    rig.now += 3_600_000
    const before = sessions.sent.length
    rig.tick()
    await new Promise((resolve) => setImmediate(resolve))
    if (rig.rows(job_id).at(-1)?.state === 'skipped') continue
    await eventually(() => sessions.sent.length === before + 1)
    sessions.set(sessions.newest(), { state: 'answered', started_at: 1, ended_at: 2, reply: 'x', cost_usd: 0.5 })
    await rig.allSettled(job_id)
  }
  // Ten in the morning UTC is six in the evening there: the new day begins with the sixth hour.
  assert.deepEqual(rig.states(job_id), ['ran', 'ran', 'skipped', 'skipped', 'skipped', 'ran', 'ran', 'skipped'])
  assert.match(rig.rows(job_id)[2]?.reason ?? '', /has spent \$1\.0000 today, and spend_limit_usd is 0\.9/)
  await assert.rejects(async () => await rig.call('run', { job_id }), { code: 'forbidden', message: /has spent/ })
})
