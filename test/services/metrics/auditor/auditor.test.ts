import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ServiceError } from '../../../../protocol/errors.ts'
import type { LedgerJob, LedgerPage } from '../../../../protocol/ledger.ts'
import { Auditor } from '../../../../services/metrics/auditor/auditor.ts'
import type { Gap } from '../../../../services/metrics/auditor/recompute.ts'
import { createLog } from '../../../../services/runtime/log.ts'
import { atEnd, checkLeaks, eventually, type Scope } from '../../../harness.ts'

checkLeaks()

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const NOON = Date.UTC(2026, 10, 22, 12)

interface Job {
  readonly job_id: number
  readonly since_at: number
  readonly cron_expression: string
  readonly jitter_s?: number
  readonly rows: Set<number>
  readonly forgotten_until?: number
}

/** A ledger that hands out its jobs one a page, and can be away. */
const openLedger = (jobs: Job[]) => {
  const asked: { since: number; until: number }[] = []
  const state = { away: false }
  const ledger = async ({ since, until, after_job_id = 0 }: { since: number; until: number; after_job_id?: number }) => {
    if (state.away) throw new ServiceError('unavailable')
    asked.push({ since, until })
    const [job, ...rest] = jobs.filter(({ job_id }) => job_id > after_job_id)
    if (job === undefined) return { jobs: [], next_job_id: null } satisfies LedgerPage
    const { job_id, since_at, cron_expression, jitter_s = 0, rows, forgotten_until = null } = job
    const told: LedgerJob = {
      job_id,
      forgotten_until,
      schedules: [{ since_at, cron_expression, zone: 'UTC', jitter_s }],
      rows: [...rows]
        .filter((at) => at >= since - jitter_s * 1_000 && at <= until)
        .map((scheduled_at) => ({ scheduled_at, until_at: scheduled_at })),
    }
    return { jobs: [told], next_job_id: rest.length > 0 ? job_id : null } satisfies LedgerPage
  }
  return { ledger, asked, state }
}

const openAuditor = (t: Scope, jobs: Job[], start = NOON) => {
  const opened = openLedger(jobs)
  const clock = { now: start }
  const told: (readonly Gap[])[] = []
  const auditor = new Auditor({
    scheduler: opened,
    log: createLog({ service: 'test', level: 'silent' }),
    onChange: (gaps) => told.push(gaps),
    now: () => clock.now,
    every_ms: 20,
  })
  atEnd(t, () => auditor.close())
  return { ...opened, auditor, clock, told }
}

/** A row for each full minute in (from, to]. */
const minutes = (from: number, to: number): Set<number> => {
  const all = new Set<number>()
  for (let at = Math.floor(from / MINUTE) * MINUTE + MINUTE; at <= to; at += MINUTE) all.add(at)
  return all
}

const everyMinute = (rows: Set<number>, more: Partial<Job> = {}): Job => ({
  job_id: 7,
  since_at: NOON - 30 * HOUR,
  cron_expression: '* * * * *',
  rows,
  ...more,
})

const times = (gaps: readonly Gap[]): number[] => gaps.map(({ scheduled_at }) => (scheduled_at - NOON) / MINUTE)

test('auditor - a ledger that is complete has no gaps, over a whole day', async (t) => {
  const { auditor, told } = openAuditor(t, [
    everyMinute(minutes(NOON - 31 * HOUR, NOON)),
    everyMinute(new Set(), { job_id: 9, cron_expression: '0 0 1 1 *' }),
  ])
  for (let look = 0; look < 30; look += 1) await auditor.look()
  const { since, until, checked, gaps } = auditor.state
  assert.deepEqual([since, until], [NOON - MINUTE - 24 * HOUR, NOON - MINUTE])
  assert.ok(checked >= 24 * 60, `${checked}`)
  assert.deepEqual([gaps, told], [[], [[]]], 'told once, at the end of the day: what the life before has said is over')
})

test('auditor - a moment without a row is told when it was seen twice, and taken back when its row comes', async (t) => {
  const rows = minutes(NOON - 31 * HOUR, NOON)
  rows.delete(NOON - 5 * MINUTE)
  rows.delete(NOON - 7 * HOUR)
  const { auditor, told } = openAuditor(t, [everyMinute(rows)])
  await auditor.look()
  assert.deepEqual(told, [])
  await auditor.look()
  assert.deepEqual(told.map(times), [[-5]])
  for (let look = 0; look < 10; look += 1) await auditor.look()
  assert.deepEqual(
    told
      .map(times)
      .at(-1)
      ?.sort((a, b) => a - b),
    [-420, -5],
  )
  rows.add(NOON - 5 * MINUTE)
  await auditor.look()
  assert.deepEqual(times(auditor.state.gaps), [-420])
})

test('auditor - what comes in late, but before the second look, is not told', async (t) => {
  const rows = minutes(NOON - 31 * HOUR, NOON)
  rows.delete(NOON - 5 * MINUTE)
  const { auditor, told } = openAuditor(t, [everyMinute(rows)])
  await auditor.look()
  rows.add(NOON - 5 * MINUTE)
  await auditor.look()
  await auditor.look()
  assert.deepEqual(told, [])
})

test('auditor - spans that follow each other leave out no moment, also with jitter', async (t) => {
  const rows = minutes(NOON - 31 * HOUR, NOON)
  const job = everyMinute(rows, { jitter_s: 50 })
  const { auditor, clock } = openAuditor(t, [job])
  await auditor.look()
  const missing = [3, 17, 40].map((minute) => NOON + minute * MINUTE)
  for (let at = NOON; at <= NOON + HOUR; at += 17_000) {
    clock.now = at
    for (const moment of minutes(NOON, at)) if (!missing.includes(moment)) rows.add(moment)
    await auditor.look()
  }
  await auditor.look()
  assert.deepEqual(times(auditor.state.gaps), [3, 17, 40])
})

test('auditor - a scheduler that is away is no gap, and what came due meanwhile is looked at when it is back', async (t) => {
  const rows = minutes(NOON - 31 * HOUR, NOON)
  const { auditor, clock, state } = openAuditor(t, [everyMinute(rows)])
  auditor.start()
  await eventually(() => auditor.state.until !== null)
  state.away = true
  clock.now = NOON + 3 * HOUR
  for (const moment of minutes(NOON, clock.now)) if (moment !== NOON + 90 * MINUTE) rows.add(moment)
  state.away = false
  await eventually(() => auditor.state.gaps.length > 0)
  assert.deepEqual(times(auditor.state.gaps), [90])
})

test('auditor - what retention has deleted is not asked for, and a gap is forgotten after a day', async (t) => {
  const rows = minutes(NOON - 10 * MINUTE, NOON)
  rows.delete(NOON - 3 * MINUTE)
  const { auditor, clock } = openAuditor(t, [everyMinute(rows, { forgotten_until: NOON - 10 * MINUTE })])
  await auditor.look()
  await auditor.look()
  assert.deepEqual(times(auditor.state.gaps), [-3])
  clock.now = NOON + 25 * HOUR
  for (const moment of minutes(NOON, clock.now)) rows.add(moment)
  await auditor.look()
  assert.deepEqual(auditor.state.gaps, [])
})

test('auditor - a scheduler that skips everything fills no memory', async (t) => {
  const { auditor } = openAuditor(t, [everyMinute(new Set(), { cron_expression: '* * * * * *' })])
  await auditor.look()
  await auditor.look()
  assert.equal(auditor.state.gaps.length, 1_000)
})
