/** When the dashboard is told, how often, and what a failure means. Time is given; requests are real. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { Payload } from '../../../../protocol/dashboard.ts'
import { Budget, monthEnd } from '../../../../services/metrics/dashboard/budget.ts'
import { startDashboardPush } from '../../../../services/metrics/dashboard/open.ts'
import { postPayload } from '../../../../services/metrics/dashboard/post.ts'
import {
  DashboardPush,
  GRACE_MS,
  HEARTBEAT_MS,
  type PushOptions,
  SAMPLE_MS,
} from '../../../../services/metrics/dashboard/push.ts'
import { DashboardEnv } from '../../../../services/metrics/dashboard/settings.ts'
import { createLog } from '../../../../services/runtime/log.ts'
import { atEnd, checkLeaks, deferred, eventually, tempDir } from '../../../harness.ts'
import { measured } from './measured.ts'

checkLeaks()

const SECRET = 'a-secret-of-the-owner'
const START = Date.UTC(2026, 10, 1)
const MINUTE_MS = 60_000

interface Answer {
  readonly status: number
  readonly body?: string
  readonly headers?: Record<string, string>
  readonly after?: Promise<void>
}
const OK: Answer = { status: 200, body: '{"ok":true}' }

/** A dashboard that answers as the test says; `reset` cuts the connection after the request has come. */
const openDashboard = async (t: TestContext) => {
  const got: { authorization: string | undefined; payload: Payload; path: string | undefined }[] = []
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    if (server.listening) await new Promise((resolve) => server.close(resolve))
  }
  const dashboard = { url: '', got, answer: OK as Answer | 'reset', close }
  const textOf = async (request: IncomingMessage): Promise<string> => {
    let text = ''
    for await (const piece of request) text += piece
    return text
  }
  const server = createServer(async (request, response) => {
    const { authorization } = request.headers
    got.push({ authorization, payload: Payload.parse(JSON.parse(await textOf(request))), path: request.url })
    const { answer } = dashboard
    if (answer === 'reset') return void response.socket?.resetAndDestroy()
    await answer.after
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers }).end(answer.body ?? '')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  atEnd(t, close)
  dashboard.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/push`
  return dashboard
}

const quiet = createLog({ service: 'test', level: 'silent' })

/** A push with a clock of its own. */
const openPush = (
  t: TestContext,
  url: string | undefined,
  more: Partial<PushOptions> & { limit?: number; folder?: string } = {},
) => {
  const folder = more.folder ?? tempDir(t)
  const state = { now: START, cpu: 10 }
  const push = new DashboardPush({
    ...{ url, secret: SECRET, title: 'Switchboard', show: [], folder, log: quiet, random: () => 0.5 },
    budget: new Budget(folder, more.limit ?? 8_640),
    now: () => state.now,
    current: async () => ({ ...measured(), system: { ...measured().system, cpu_usage_percent: state.cpu } }),
    ...more,
  })
  atEnd(t, () => push.close())
  return { push, state, folder }
}

test('dashboard push - tells at once, then only what is new, and at the heartbeat all the same', async (t) => {
  const dashboard = await openDashboard(t)
  const { push, state } = openPush(t, dashboard.url)
  await push.tick()
  assert.equal(dashboard.got.length, 1)
  assert.equal(dashboard.got[0]?.authorization, `Bearer ${SECRET}`)
  assert.equal(dashboard.got[0]?.payload.next_push_by, START + HEARTBEAT_MS + GRACE_MS)
  const at: number[] = []
  for (let minute = 1; minute <= 70; minute++) {
    state.now = START + minute * MINUTE_MS
    if (minute === 40) state.cpu = 90
    const before = dashboard.got.length
    await push.tick()
    if (dashboard.got.length > before) at.push(minute)
  }
  assert.deepEqual(at, [30, 40, 70])
  assert.deepEqual(push.status().writes, { used: 4, budget: 8_640 })
})

test('dashboard push - what has not changed but for its moments is not told again after a restart', async (t) => {
  const dashboard = await openDashboard(t)
  const first = openPush(t, dashboard.url)
  await first.push.tick()
  await first.push.close()
  const second = openPush(t, dashboard.url, { folder: first.folder })
  second.state.now = START + SAMPLE_MS
  await second.push.tick()
  assert.equal(dashboard.got.length, 1)
  assert.equal(second.push.status().writes.used, 1)
  writeFileSync(path.join(first.folder, 'last-push.json'), '{"pushed_at": tor')
  const third = openPush(t, dashboard.url, { folder: first.folder })
  third.state.now = START + SAMPLE_MS
  await third.push.tick()
  assert.equal(dashboard.got.length, 2, 'a torn file counts as none')
})

const monthOf = (now: number): string => new Date(now).toISOString().slice(0, 7)

/** The count in memory: thousands of looks at a file are another test's matter. */
class QuickBudget extends Budget {
  readonly months = new Map<string, number>()

  override used(now: number): number {
    return this.months.get(monthOf(now)) ?? 0
  }

  override take(now: number): void {
    this.months.set(monthOf(now), this.used(now) + 1)
  }
}

for (const limit of [1, 90, 8_640]) {
  test(`dashboard push - ${limit} writes a month are never exceeded, last all month, and every promise is kept`, async (t) => {
    const folder = tempDir(t)
    const posts: { at: number; by: number }[] = []
    const post: typeof postPayload = async ({ payload }) => {
      posts.push({ at: payload.sampled_at, by: payload.next_push_by })
      return { ok: true }
    }
    const budget = new QuickBudget(folder, limit)
    let cpu = 0
    // Something new each time.
    const current = async () => {
      cpu = (cpu + 30) % 100
      return { system: { cpu_usage_percent: cpu } }
    }
    const { push, state } = openPush(t, 'http://127.0.0.1/api/push', { folder, budget, post, current })
    // A month and the beginning of the next; samples never fall on the minute.
    for (; state.now < Date.UTC(2026, 11, 3); state.now += SAMPLE_MS + 1_700) await push.tick()
    const november = budget.months.get('2026-11') ?? 0
    assert.ok(november <= limit, `${november} writes`)
    assert.ok(november >= Math.min(limit, 8_500), `only ${november} writes`)
    const last = posts.findLast(({ at }) => at < Date.UTC(2026, 11, 1))
    assert.ok(limit === 1 || (last !== undefined && last.at > Date.UTC(2026, 10, 30, 12)), 'they last until the end')
    for (const [index, { by }] of posts.entries()) {
      const next = posts[index + 1]
      if (next !== undefined) assert.ok(next.at <= by, `push ${index}: ${new Date(next.at).toISOString()} is after the promise`)
    }
    assert.ok(posts.length > november, 'the next month goes on')
  })
}

test('dashboard push - the budget is counted over restarts and by month', (t) => {
  const folder = path.join(tempDir(t), 'made')
  const [one, other] = [new Budget(folder, 3), new Budget(folder, 3)]
  const november = Date.UTC(2026, 10, 30, 23, 59)
  one.take(november)
  other.take(november)
  assert.equal(one.used(november), 2)
  one.giveBack(november)
  assert.equal(other.used(november), 1)
  assert.equal(monthEnd(november) - november, MINUTE_MS)
  assert.equal(other.used(november + MINUTE_MS), 0)
  other.take(november + MINUTE_MS)
  assert.equal(one.used(november), 0, 'the file of the month before is gone')
})

test('dashboard push - a used up budget is said, and the next month begins anew', async (t) => {
  const dashboard = await openDashboard(t)
  const { push, state } = openPush(t, dashboard.url, { limit: 1 })
  await push.tick()
  state.now += 86_400_000
  await push.tick()
  assert.equal(push.status().state, 'spent')
  assert.match(push.status().problem ?? '', /All 1 writes of this month are used up; pushes go on on 2026-12-01/)
  assert.deepEqual(await push.pushNow(), { ok: false, problem: push.status().problem })
  assert.equal(dashboard.got.length, 1)
  state.now = Date.UTC(2026, 11, 1) + SAMPLE_MS
  await push.tick()
  assert.equal(dashboard.got.length, 2)
})

const refusals: readonly (readonly [name: string, answer: Answer | 'reset', problem: RegExp, pause_ms: number, used: number])[] =
  [
    [
      'a wrong secret',
      { status: 401, body: '{"ok":false,"error":"unauthorized"}' },
      /METRICS_SECRET must be the same/,
      900_000,
      0,
    ],
    ['a login before it', { status: 401, body: '<html>' }, /Deployment Protection/, 900_000, 0],
    ['nothing there', { status: 404, body: 'NOT_FOUND' }, /must end in \/api\/push/, 900_000, 0],
    ['too large', { status: 413, body: '{"ok":false,"error":"payload too large"}' }, /too large \(413\)/, 900_000, 0],
    ['a redirect', { status: 308, headers: { location: 'http://127.0.0.1:9/stolen' } }, /leads elsewhere \(308\)/, 900_000, 0],
    ['not set up', { status: 500, body: '{"ok":false,"error":"server misconfigured"}' }, /server misconfigured/, 900_000, 0],
    ['a busy store', { status: 429, headers: { 'retry-after': '600' } }, /asks for patience/, 600_000, 0],
    ['a store that fails', { status: 502, body: '{"ok":false,"error":"edge config: 503"}' }, /edge config: 503/, 30_000, 1],
    ['a page in its place', { status: 200, body: '<html>hello</html>' }, /did not say that it kept/, 900_000, 1],
    ['a cut connection', 'reset', /could not be reached/, 30_000, 1],
  ]
for (const [name, answer, problem, pause_ms, used] of refusals) {
  test(`dashboard push - ${name} is told in words, costs ${used} of the budget, and is tried again after a pause`, async (t) => {
    const dashboard = await openDashboard(t)
    dashboard.answer = answer
    const { push, state } = openPush(t, dashboard.url)
    await push.tick()
    const status = push.status()
    assert.match(status.problem ?? '', problem)
    assert.ok(!status.problem?.includes(SECRET) && !status.problem?.includes('/stolen'))
    assert.deepEqual([status.state, status.writes.used], ['failing', used])
    assert.equal(status.retry_at, START + pause_ms)
    state.now = START + pause_ms - 1
    await push.tick()
    assert.equal(dashboard.got.length, 1, 'not before the pause is over')
    dashboard.answer = OK
    state.now = START + pause_ms
    await push.tick()
    assert.equal(dashboard.got.length, 2)
    assert.deepEqual([push.status().state, push.status().problem, push.status().retry_at], ['waiting', null, null])
    assert.equal(dashboard.got[1]?.payload.sampled_at, state.now, 'the metrics were read anew')
  })
}

test('dashboard push - pauses double up to a limit, and nobody there costs nothing', async (t) => {
  const dashboard = await openDashboard(t)
  await dashboard.close()
  const { push, state } = openPush(t, dashboard.url)
  const pauses: number[] = []
  for (let tries = 0; tries < 8; tries++) {
    await push.tick()
    const { retry_at, writes } = push.status()
    assert.ok(retry_at !== null)
    assert.equal(writes.used, 0)
    pauses.push((retry_at - state.now) / 1_000)
    state.now = retry_at
  }
  assert.deepEqual(pauses, [30, 60, 120, 240, 480, 960, 1_800, 1_800])
})

test('dashboard push - metrics that cannot be read are tried again, and no write is counted', async (t) => {
  const dashboard = await openDashboard(t)
  let broken = true
  const current = async () => (broken ? Promise.reject(new Error('nobody there')) : measured())
  const { push, state } = openPush(t, dashboard.url, { current })
  await push.tick()
  assert.deepEqual([push.status().state, push.status().writes.used, dashboard.got.length], ['failing', 0, 0])
  broken = false
  state.now += 30_000
  await push.tick()
  assert.equal(dashboard.got.length, 1)
})

test('dashboard push - one at a time, and a close takes back what is on its way', async (t) => {
  const dashboard = await openDashboard(t)
  const gate = deferred()
  dashboard.answer = { ...OK, after: gate.promise }
  const { push } = openPush(t, dashboard.url)
  const first = push.tick()
  await eventually(() => dashboard.got.length === 1)
  await push.tick()
  const asked = push.pushNow()
  assert.equal(dashboard.got.length, 1)
  dashboard.answer = OK
  gate.resolve()
  await first
  assert.ok((await asked).ok)
  assert.equal(dashboard.got.length, 2)
  const never = deferred()
  dashboard.answer = { ...OK, after: never.promise }
  const hanging = push.pushNow()
  await eventually(() => dashboard.got.length === 3)
  await push.close()
  assert.equal((await hanging).ok, false)
  never.resolve()
})

test('dashboard push - without its settings it is off and says which are missing', async (t) => {
  for (const [more, words] of [
    [{ url: undefined, secret: undefined }, /DASHBOARD_PUSH_URL and METRICS_SECRET are not set/],
    [{ secret: undefined }, /METRICS_SECRET is not set/],
    [{ limit: 0 }, /DASHBOARD_WRITES_PER_MONTH is 0/],
  ] as const) {
    const { push } = openPush(t, 'http://127.0.0.1/api/push', more)
    await push.tick()
    assert.equal(push.status().state, 'off')
    assert.match(push.status().problem ?? '', words)
    assert.equal((await push.pushNow()).ok, false)
  }
})

test('dashboard push - a slow dashboard is given up', async (t) => {
  const dashboard = await openDashboard(t)
  const never = deferred()
  dashboard.answer = { ...OK, after: never.promise }
  const { push } = openPush(t, dashboard.url, { post: (options) => postPayload({ ...options, timeout_ms: 100 }) })
  await push.tick()
  assert.match(push.status().problem ?? '', /did not answer within 0\.1 s/)
  assert.equal(push.status().writes.used, 1, 'it may have been written')
  never.resolve()
})

test('dashboard push - the secret is in no log line and no file', async (t) => {
  const dashboard = await openDashboard(t)
  const lines: string[] = []
  const log = createLog({ service: 'test', level: 'trace', destination: { write: (line: string) => void lines.push(line) } })
  const { push, state, folder } = openPush(t, dashboard.url, { log })
  await push.tick()
  dashboard.answer = { status: 401, body: `{"ok":false,"error":"unauthorized"}` }
  state.now += HEARTBEAT_MS
  await push.tick()
  assert.ok(lines.length >= 2)
  assert.ok(!lines.join('').includes(SECRET))
  assert.ok(!readFileSync(path.join(folder, 'last-push.json'), 'utf8').includes(SECRET))
})

test('dashboard push - a count that cannot be kept stops the pushes, not the service', async (t) => {
  const dashboard = await openDashboard(t)
  const { push, folder } = openPush(t, dashboard.url)
  mkdirSync(path.join(folder, 'writes-2026-11'))
  await assert.doesNotReject(push.tick())
  assert.equal(dashboard.got.length, 0)
})

test('dashboard push - the service pushes by itself until it is closed, and is silent without settings', async (t) => {
  const dashboard = await openDashboard(t)
  const home = { root: tempDir(t) }
  const env = DashboardEnv.parse({ DASHBOARD_PUSH_URL: dashboard.url, METRICS_SECRET: SECRET, DASHBOARD_TITLE: 'A box' })
  let asked = 0
  const current = async () => {
    asked += 1
    return measured()
  }
  const off = startDashboardPush({ env: DashboardEnv.parse({}), home, log: quiet, current, tick_ms: 1 })
  const pushing = startDashboardPush({ env, home, log: quiet, current, past: async () => null, tick_ms: 5 })
  await eventually(() => dashboard.got.length === 1)
  assert.equal(dashboard.got[0]?.payload.title, 'A box')
  await eventually(() => pushing.status().pushed_at !== null)
  await pushing.close()
  await off.close()
  assert.deepEqual([off.status().state, asked, dashboard.got.length], ['off', 1, 1])
})

test('dashboard settings - an address over which the secret could be read is refused', () => {
  const given = (url: string) => DashboardEnv.safeParse({ DASHBOARD_PUSH_URL: url }).success
  assert.deepEqual(
    [
      'https://x.vercel.app/api/push',
      'http://127.0.0.1:3000/api/push',
      'http://x.vercel.app/api/push',
      'https://u:p@x.app/api/push',
    ].map(given),
    [true, true, false, false],
  )
  assert.ok(!DashboardEnv.safeParse({ DASHBOARD_SHOW: 'job_names,everything' }).success)
  assert.deepEqual(DashboardEnv.parse({ DASHBOARD_SHOW: 'job_names, memory_categories' }).DASHBOARD_SHOW, [
    'job_names',
    'memory_categories',
  ])
})

test('dashboard push - a month is never over budget, however ticks and answers fall', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 12 }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 30 * 60 }), fc.constantFrom('ok', 'no', 'maybe')), { maxLength: 40 }),
      async (limit, steps) => {
        let outcome = 'ok'
        let written = 0
        const post: typeof postPayload = async () => {
          if (outcome !== 'no') written += 1
          if (outcome === 'ok') return { ok: true }
          return { ok: false, problem: 'x', cure: 'wait', written: outcome === 'no' ? 'no' : 'maybe', retry_after_ms: null }
        }
        const { push, state } = openPush(t, 'http://127.0.0.1/api/push', { limit, post })
        for (const [minutes, next] of steps) {
          outcome = next
          state.now = Math.min(state.now + minutes * MINUTE_MS, monthEnd(START) - 1)
          await push.tick()
          if (minutes % 7 === 0) await push.pushNow()
        }
        assert.ok(written <= limit, `${written} of ${limit}`)
        assert.equal(push.status().writes.used, written)
      },
    ),
    { numRuns: 60 },
  )
})
