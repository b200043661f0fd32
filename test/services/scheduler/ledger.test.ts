import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import type { LedgerPage } from '../../../protocol/ledger.ts'
import type { RunRow } from '../../../services/scheduler/rows.ts'
import { checkLeaks, eventually, type Scope, tempDir } from '../../harness.ts'
import fc from '../../property.ts'
import { audited } from './audited.ts'
import { MONDAY, openRig, type Rig, type RigOptions } from './rig.ts'

checkLeaks()

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Prompts that nobody answers: what these tests are about is which rows there are. */
const openLedger = async (t: Scope, options: RigOptions = {}): Promise<Rig> =>
  await openRig(t, { ...options, sessions: { send: () => new Promise(() => undefined) } })

const claude = { job_type: 'claude', command: 'hello' }

const lacking = async (rig: Rig, since = MONDAY - HOUR) =>
  await audited((input) => rig.call('ledger', input) as Promise<LedgerPage>, since, rig.now)

const offsets = (rows: readonly RunRow[]): number[] => rows.map(({ scheduled_at }) => (scheduled_at - MONDAY) / MINUTE)

test('ledger - each due moment gets its row once, just when it comes due', async (t) => {
  const rig = await openLedger(t)
  const job_id = await rig.create({ ...claude, overlap: 'allow' })
  rig.pass(59)
  assert.deepEqual(rig.rows(job_id), [])
  rig.pass(1)
  const [row] = rig.rows(job_id)
  assert.deepEqual([row?.scheduled_at, row?.trigger, row?.claimed_at], [MONDAY + MINUTE, 'schedule', MONDAY + MINUTE])
  rig.tick()
  rig.pass(240)
  assert.deepEqual(offsets(rig.rows(job_id)), [1, 2, 3, 4, 5])
  assert.deepEqual(await lacking(rig), { checked: 5, lacking: [] })
})

test('ledger - the auditor finds a moment whose row is not there', async (t) => {
  const rig = await openLedger(t)
  const job_id = await rig.create({ ...claude, overlap: 'allow' })
  rig.pass(180)
  await rig.close()
  const db = new Database(`${rig.home}/db/scheduler.db`)
  db.prepare('DELETE FROM runs WHERE scheduled_at = ?').run(MONDAY + 2 * MINUTE)
  // A next_at that has gone wrong is what it must not believe.
  db.prepare('UPDATE jobs SET next_at = next_at + 3600000, due_at = due_at + 3600000').run()
  db.close()
  const again = await openLedger(t, { home: rig.home, now: rig.now + 2 * MINUTE })
  again.tick()
  assert.deepEqual(
    (await lacking(again)).lacking,
    [2, 4, 5].map((minute) => ({ job_id, scheduled_at: MONDAY + minute * MINUTE })),
  )
})

for (const [misfire, limit, expected] of [
  ['skip', 10, { missed: 479, 'schedule claimed': 2 }],
  ['once', 10, { missed: 480, 'schedule claimed': 1 }],
  ['all', 3, { missed: 478, 'catch-up claimed': 1, 'schedule claimed': 2 }],
] as const) {
  test(`ledger - eight hours asleep, misfire ${misfire}: every moment has a row, and only what the policy says runs`, async (t) => {
    const rig = await openLedger(t)
    const job_id = await rig.create({ ...claude, overlap: 'allow', misfire, misfire_limit: limit })
    rig.now += 8 * HOUR + MINUTE
    rig.tick()
    const counts: Record<string, number> = {}
    for (const { state, trigger } of rig.rows(job_id)) {
      const key = state === 'missed' ? state : `${trigger} ${state === 'running' ? 'claimed' : state}`
      counts[key] = (counts[key] ?? 0) + 1
    }
    assert.deepEqual(counts, expected)
    assert.deepEqual((await lacking(rig)).lacking, [])
    rig.pass(60)
    assert.equal(rig.rows(job_id).length, 482)
  })
}

test('ledger - moments missed in great number share a row, quickly, and the newest of them is made up for', async (t) => {
  const rig = await openLedger(t)
  const job_id = await rig.create({ ...claude, cron_expression: '* * * * * *', overlap: 'allow' })
  rig.now += 30 * 24 * HOUR
  const before = process.cpuUsage()
  rig.tick()
  const { user, system } = process.cpuUsage(before)
  assert.ok(user + system < 2e6, `${user + system} µs`)
  const rows = rig.rows(job_id)
  assert.deepEqual(
    rows.map(({ scheduled_at, missed_until_at, trigger }) => [scheduled_at, missed_until_at, trigger]),
    [
      [MONDAY + SECOND, rig.now - SECOND, 'schedule'],
      [rig.now, null, 'schedule'],
    ],
  )
  assert.deepEqual((await lacking(rig)).lacking, [])
})

test('ledger - a clock set forward is like a sleep; set back, nothing fires again but what was missed', async (t) => {
  const rig = await openLedger(t)
  const job_id = await rig.create({ ...claude, overlap: 'allow', misfire: 'skip' })
  rig.pass(120)
  rig.now += HOUR
  rig.tick()
  const forward = rig.rows(job_id)
  const ran = forward.filter(({ state }) => state !== 'missed').map(({ run_id }) => run_id)
  assert.equal(forward.length, 62)
  rig.now -= HOUR
  rig.tick()
  assert.equal(rig.rows(job_id).length, 62)
  rig.pass(30 * 60)
  // What was missed comes once more, and is claimed now; what ran keeps its row.
  const back = rig.rows(job_id)
  assert.equal(back.length, 62)
  const since = back.filter(({ scheduled_at }) => scheduled_at <= rig.now)
  assert.ok(since.every(({ state }) => state !== 'missed'))
  for (const run_id of ran) assert.equal(back.filter((row) => row.run_id === run_id).length, 1)
  rig.pass(40 * 60)
  assert.equal(rig.rows(job_id).length, 72)
  assert.deepEqual((await lacking(rig)).lacking, [])
})

test('ledger - a clock that was years ahead does not silence a job, not even across a restart', async (t) => {
  const first = await openLedger(t, { now: MONDAY + 3 * 365 * 24 * HOUR })
  const job_id = await first.create({ ...claude, cron_expression: '0 9 * * *', overlap: 'allow' })
  first.tick()
  await first.close()
  const second = await openLedger(t, { home: first.home, now: MONDAY })
  second.pass(1)
  second.now = MONDAY + 23 * HOUR
  second.tick()
  assert.deepEqual(offsets(second.rows(job_id)), [23 * 60])
})

test('ledger - a change or a deletion first accounts for what was due before it', async (t) => {
  const rig = await openLedger(t)
  const job_id = await rig.create({ ...claude, overlap: 'allow', jitter_s: 30 })
  rig.now += 2 * MINUTE
  await rig.call('update', { job_id, cron_expression: '0 0 1 1 *' })
  assert.deepEqual(offsets(rig.rows(job_id)), [1, 2])
  await rig.call('update', { job_id, cron_expression: '*/5 * * * *' })
  rig.now += 5 * MINUTE
  await rig.call('update', { job_id, enabled: false })
  assert.deepEqual(offsets(rig.rows(job_id)), [1, 2, 5])
  rig.now += HOUR
  rig.tick()
  await rig.call('update', { job_id, enabled: true, jitter_s: 0 })
  rig.now += 5 * MINUTE
  await rig.call('delete', { job_id })
  assert.deepEqual(offsets(rig.rows(job_id)), [1, 2, 5, 70])
  assert.deepEqual(rig.rows(job_id).at(-1)?.state, 'skipped')
  rig.now += HOUR
  assert.deepEqual(await lacking(rig), { checked: 4, lacking: [] })
})

test('ledger - jitter moves the look and not the moment, by the same amount each time', async (t) => {
  const rig = await openLedger(t)
  const ids: number[] = []
  for (let job = 0; job < 20; job += 1)
    ids.push(await rig.create({ ...claude, cron_expression: '*/10 * * * *', jitter_s: 60, overlap: 'allow' }))
  rig.now = MONDAY + 10 * MINUTE - SECOND
  rig.pass(70)
  const rows = ids.flatMap((id) => rig.rows(id))
  assert.ok(rows.every(({ scheduled_at }) => scheduled_at === MONDAY + 10 * MINUTE))
  const delays = new Set(rows.map(({ claimed_at, scheduled_at }) => claimed_at - scheduled_at))
  assert.equal(rows.length, 20)
  assert.ok(delays.size > 5 && Math.max(...delays) <= 60 * SECOND)
})

test('ledger - overlap: skip says why, queue waits, allow runs beside', async (t) => {
  const rig = await openLedger(t)
  const ids = await Promise.all(
    ['skip', 'queue', 'allow'].map((overlap) => rig.create({ command: 'sleep 30', overlap, timeout_s: 100 })),
  )
  rig.pass(60)
  await new Promise((resolve) => setImmediate(resolve))
  rig.pass(120)
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(
    ids.map((id) => rig.states(id)),
    [
      ['running', 'skipped', 'skipped'],
      ['running', 'claimed', 'claimed'],
      ['running', 'running', 'running'],
    ],
  )
  assert.match(rig.rows(ids[0] ?? 0)[1]?.reason ?? '', /was not over/)
  for (const { run_id } of ids.flatMap((id) => rig.rows(id))) await rig.call('stop_run', { run_id })
  for (const id of ids) await rig.allSettled(id)
})

test('ledger - an expression that can no longer be read disables its job and no other', async (t) => {
  const rig = await openLedger(t)
  const [bad, good] = [await rig.create({ ...claude }), await rig.create({ ...claude })]
  await rig.close()
  const db = new Database(`${rig.home}/db/scheduler.db`)
  db.prepare("UPDATE jobs SET zone = 'Mars/Base', timezone = 'Mars/Base' WHERE id = ?").run(bad)
  db.close()
  const again = await openLedger(t, { home: rig.home, now: MONDAY })
  again.pass(60)
  assert.deepEqual([again.states(bad).length, again.states(good).length], [0, 1])
  assert.deepEqual(
    again.told.map(({ topic }) => topic),
    ['job_disabled'],
  )
  const job = (await again.call('list', { bot_id: '' })).find(({ id }) => id === bad)
  assert.deepEqual([job?.enabled, job?.next_runs], [0, []])
  assert.match(job?.problem ?? '', /could not be computed/)
})

test('ledger - five hundred jobs of the same second all get their row in that second', async (t) => {
  const rig = await openLedger(t)
  for (let job = 0; job < 500; job += 1) await rig.create({ ...claude, cron_expression: '0 12 * * *' })
  rig.now = Date.UTC(2026, 0, 5, 12, 0, 0)
  const began = performance.now()
  rig.tick()
  const took = performance.now() - began
  const [{ n, jobs } = { n: 0, jobs: 0 }] = rig.query<{ n: number; jobs: number }>(
    'SELECT count(*) AS n, count(DISTINCT job_id) AS jobs FROM runs',
  )
  assert.deepEqual([n, jobs], [500, 500])
  assert.ok(took < 5_000, `${took} ms`)
})

test('ledger - old rows go by count and by age, and the auditor does not ask for them', async (t) => {
  const rig = await openLedger(t, { env: { CRON_KEEP_RUNS: '10', CRON_SHELL: 'on' } })
  const job_id = await rig.create({ ...claude, overlap: 'skip' })
  rig.pass(60)
  await new Promise((resolve) => setImmediate(resolve))
  rig.pass(40 * 60)
  assert.ok(rig.rows(job_id).length <= 12)
  assert.ok(rig.states(job_id).includes('running'), 'what runs is kept, however old')
  assert.deepEqual((await lacking(rig)).lacking, [])
})

test('ledger - runs by hand of a disabled job go by count, too', async (t) => {
  const rig = await openRig(t, { env: { CRON_KEEP_RUNS: '10', CRON_SHELL: 'on' } })
  const job_id = await rig.create({ command: 'true', enabled: false })
  for (let run = 0; run < 15; run += 1) await rig.call('run', { job_id })
  assert.ok(rig.rows(job_id).length <= 11)
})

test('ledger - schedules of before the oldest row go, also those of deleted jobs; what holds stays', async (t) => {
  const rig = await openLedger(t)
  const [kept, deleted] = [await rig.create({ ...claude, overlap: 'allow' }), await rig.create(claude)]
  const schedules = (): [number, string | null][] =>
    rig
      .query<{ job_id: number; cron_expression: string | null }>('SELECT * FROM schedules ORDER BY id')
      .map(({ job_id, cron_expression }) => [job_id, cron_expression])
  rig.now += DAY
  await rig.call('update', { job_id: kept, cron_expression: '0 9 * * *' })
  await rig.call('delete', { job_id: deleted })
  rig.now += 91 * DAY
  await rig.call('update', { job_id: kept, cron_expression: '0 10 * * *' })
  rig.start()
  await eventually(() => schedules().length === 2)
  assert.deepEqual(schedules(), [
    [kept, '0 9 * * *'],
    [kept, '0 10 * * *'],
  ])
  await eventually(() => rig.query('SELECT 1 FROM forgotten').length === 1)
  assert.deepEqual((await lacking(rig, rig.now - DAY)).lacking, [])
})

test('ledger - what was paid within a day and what is still to be delivered outlast the count', async (t) => {
  const home = tempDir(t)
  const rig = await openLedger(t, { home, env: { CRON_KEEP_RUNS: '10', CRON_SHELL: 'on' } })
  const job_id = await rig.create({ ...claude, overlap: 'skip' })
  rig.pass(300)
  const [paid, owed] = rig.rows(job_id).filter(({ state }) => state === 'skipped')
  assert.ok(paid && owed, 'there are two')
  const db = new Database(join(home, 'db/scheduler.db'))
  db.prepare('UPDATE runs SET cost_usd = 5 WHERE run_id = ?').run(paid.run_id)
  db.prepare(
    "INSERT INTO deliveries (run_id, kind, \"to\", body, next_at, created_at) VALUES (?, 'webhook', 'http://127.0.0.1:9', '{}', ?, ?)",
  ).run(owed.run_id, rig.now + 1e9, rig.now)
  db.close()
  rig.pass(40 * 60)
  const left = new Set(rig.rows(job_id).map(({ run_id }) => run_id))
  assert.ok(left.has(paid.run_id), 'its dollars count for the limit of the day')
  assert.ok(left.has(owed.run_id), 'its result is still to be delivered')
  assert.ok(left.size <= 14, `and the others go: ${left.size}`)
})

type Step = { readonly kind: 'pass' | 'jump' | 'back' | 'update' | 'toggle' | 'restart'; readonly amount: number }

test('ledger - whatever happens to the clock, the jobs and the service: one row for each due moment', async () => {
  const steps = fc.array(
    fc.record({
      kind: fc.constantFrom<Step['kind']>('pass', 'jump', 'back', 'update', 'toggle', 'restart'),
      amount: fc.integer({ min: 1, max: 2_000 }),
    }),
    { minLength: 3, maxLength: 12 },
  )
  const expressions = ['* * * * *', '*/7 * * * *', '*/10 * * * * *', '30 1 * * *', '0 */2 * * 1']
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 0, max: 4 }), async (plan, first) => {
      const undo: (() => void | Promise<void>)[] = []
      const scope: Scope = { after: (fn) => void undo.push(fn as () => void) }
      const home = tempDir(scope)
      // From just before the clocks of New York are set back.
      let rig = await openLedger(scope, { home, now: Date.UTC(2026, 10, 1, 4, 30) })
      const timezone = 'America/New_York'
      const fields = { ...claude, timezone, overlap: 'allow', misfire: 'skip' }
      const job_id = await rig.create({ ...fields, cron_expression: expressions[first] as string })
      try {
        for (const { kind, amount } of plan) {
          if (kind === 'pass') rig.pass(Math.min(amount, 200))
          if (kind === 'jump') rig.now += amount * 10 * SECOND
          if (kind === 'back') rig.now -= amount * SECOND
          if (kind === 'update') await rig.call('update', { job_id, cron_expression: expressions[amount % 5] as string })
          if (kind === 'toggle') await rig.call('update', { job_id, enabled: amount % 2 === 0 })
          if (kind === 'restart') {
            const { now } = rig
            await rig.close()
            rig = await openLedger(scope, { home, now: now + amount * SECOND })
          }
          rig.tick()
        }
        const moments = rig.rows(job_id).map(({ scheduled_at }) => scheduled_at)
        assert.equal(new Set(moments).size, moments.length)
        // A clock that was set back makes spans of the past uncertain: those are for the other tests.
        if (!plan.some(({ kind }) => kind === 'back')) assert.deepEqual((await lacking(rig, Date.UTC(2026, 9, 31))).lacking, [])
      } finally {
        for (const fn of undo.reverse()) await fn()
      }
    }),
    { numRuns: 20 },
  )
})

test('ledger - how late rows were is the worst of ten minutes, whether anybody asks or not', async (t) => {
  const rig = await openLedger(t)
  await rig.create({ ...claude, overlap: 'allow' })
  const lateAt = async (moment: number): Promise<number> => {
    rig.now = moment
    rig.tick()
    return (await rig.call('status', {})).late_ms
  }
  assert.equal(await lateAt(MONDAY + MINUTE + 400), 400)
  for (let minute = 2; minute <= 11; minute += 1) assert.equal(await lateAt(MONDAY + minute * MINUTE + minute), 400)
  assert.equal(await lateAt(MONDAY + 12 * MINUTE + 1), 11)
})
