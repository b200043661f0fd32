/** When the dashboard is told, how often, and what a failure means. Time is given; requests are real. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { startDashboardPush } from '../../../../services/metrics/dashboard/open.ts'
import { postPayload } from '../../../../services/metrics/dashboard/post.ts'
import { GRACE_MS, HEARTBEAT_MS, SAMPLE_MS } from '../../../../services/metrics/dashboard/push.ts'
import { DashboardEnv } from '../../../../services/metrics/dashboard/settings.ts'
import { createLog } from '../../../../services/runtime/log.ts'
import { checkLeaks, deferred, eventually, tempDir } from '../../../harness.ts'
import { keptBy } from '../../runtime/kept-by.ts'
import { measured } from './measured.ts'
import { type Answer, MINUTE_MS, OK, openDashboard, openPush, quiet, SECRET, START } from './rig.ts'

checkLeaks()

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

test('dashboard push - the signal of the service, which lives as long as the process, keeps nothing of a push', async (t) => {
  const dashboard = await openDashboard(t)
  const kept: number[] = []
  const { push } = openPush(t, dashboard.url, {
    post: async (options) => {
      const posted = await postPayload(options)
      kept.push(keptBy(options.signal as AbortSignal))
      return posted
    },
  })
  await push.tick()
  assert.deepEqual(kept, [0])
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
