/** A month never sees more writes than its budget, they last until its end, and promises are kept. */
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { Budget, monthEnd } from '../../../../services/metrics/dashboard/budget.ts'
import type { postPayload } from '../../../../services/metrics/dashboard/post.ts'
import { SAMPLE_MS } from '../../../../services/metrics/dashboard/push.ts'
import { checkLeaks, tempDir } from '../../../harness.ts'
import fc from '../../../property.ts'
import { MINUTE_MS, openDashboard, openPush, START } from './rig.ts'

checkLeaks()

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

test('dashboard push - a count that cannot be kept stops the pushes, not the service', async (t) => {
  const dashboard = await openDashboard(t)
  const { push, folder } = openPush(t, dashboard.url)
  mkdirSync(path.join(folder, 'writes-2026-11'))
  await assert.doesNotReject(push.tick())
  assert.equal(dashboard.got.length, 0)
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
    { numRuns: 30 },
  )
})
