import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backoffMs, judge, type Tried } from '../../../../services/sessions/telegram/verdict.ts'

const HOUR = 3_600_000
const RETRYING = { first_ms: 1_000, last_ms: 300_000, give_up_ms: 24 * HOUR }
const TRIED: Tried = { form: 'html', failures: 0, ambiguous: 0, created_at: 0 }

test('verdict - waits double from 1 s to 5 min, a quarter more or less', () => {
  assert.deepEqual(
    [0, 1, 2, 8, 9, 1_000].map((failures) => backoffMs(failures, RETRYING, 0.5)),
    [1_000, 2_000, 4_000, 256_000, 300_000, 300_000],
  )
  assert.equal(backoffMs(0, RETRYING, 0), 750)
  assert.equal(backoffMs(0, RETRYING, 1), 1_250)
})

test('verdict - a pause that Telegram asks for lasts as long as it said, and pauses the chat', () => {
  const refusal = { kind: 'refused', status: 429, description: 'Too Many Requests' } as const
  assert.deepEqual(judge({ ...refusal, retry_after: 7 }, TRIED, RETRYING, 500, 0.5), {
    kind: 'again',
    not_before_at: 7_500,
    pause_until: 7_500,
  })
  const tooLong = judge({ ...refusal, retry_after: 90_000 }, TRIED, RETRYING, 500, 0.5)
  assert.equal(tooLong.kind, 'failed')
  assert.equal(tooLong.pause_until, 90_000_500)
  assert.equal(judge(refusal, TRIED, RETRYING, 500, 0.5).pause_until, 1_500)
})

test('verdict - only formatting that is refused is tried without it', () => {
  const refusal = { kind: 'refused', status: 400, description: 'Bad Request' } as const
  assert.deepEqual(judge(refusal, TRIED, RETRYING, 0, 0.5), { kind: 'again', not_before_at: 0 })
  for (const form of ['plain', 'document'] as const)
    assert.equal(judge(refusal, { ...TRIED, form }, RETRYING, 0, 0.5).kind, 'failed')
})

test('verdict - what passes is tried until the time is up, a last time right at its end', () => {
  const down = { kind: 'not_sent', reason: 'no connection came about (ECONNREFUSED)' } as const
  const late = { ...TRIED, failures: 200 }
  assert.deepEqual(judge(down, late, RETRYING, 24 * HOUR - 1_000, 0.5), { kind: 'again', not_before_at: 24 * HOUR })
  const end = judge(down, late, RETRYING, 24 * HOUR, 0.5)
  assert.ok(end.kind === 'failed' && end.reason.includes('Given up after 24 h') && !end.reason.includes('may have arrived'))
  const doubtful = judge(down, { ...late, ambiguous: 1 }, RETRYING, 24 * HOUR, 0.5)
  assert.ok(doubtful.kind === 'failed' && doubtful.reason.includes('One of the tries may have arrived'))
})
