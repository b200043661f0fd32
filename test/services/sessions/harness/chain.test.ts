import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Batch,
  CHAIN_DELAY_MS,
  type ChainStep,
  doneBefore,
  MAX_BATCHES,
  MAX_DECOMPOSITIONS,
  MAX_INTERRUPTIONS,
  MAX_STALE,
  nextStep,
} from '../../../../services/sessions/harness/chain.ts'
import { findMarker } from '../../../../services/sessions/harness/markers.ts'
import type { TaskCounts } from '../../../../services/sessions/harness/progress.ts'
import fc from '../../../property.ts'

const COMPLETE = '[HARNESS_COMPLETE]'
const BATCH = '[HARNESS_BATCH_DONE:build:1/4]'
const BLOCKED = '[HARNESS_BLOCKED:t3:need a key]'

const counts = (done: number, total: number, in_progress = 0): TaskCounts => ({
  ...{ total, done, in_progress },
  blocked: 0,
  pending: Math.max(0, total - done - in_progress),
})

/** A batch that was answered `Did it.` and a marker, the first of its chain. */
const batch = (given: Partial<Batch> & { readonly said?: string } = {}): Batch => {
  const { said, ...changed } = given
  const reply = changed.reply ?? (said === undefined ? 'Did it.' : `Did it.\n${said}`)
  return {
    ...{ state: 'answered', reason: null, done_before: null, after: null, is_stopped: false },
    ...{ depth: 0, decompositions: 0, interruptions: 0, stale: 0 },
    ...changed,
    reply,
    marker: findMarker(reply),
  }
}

const ended = (step: ChainStep, outcome: ChainStep['outcome'], note: string | null): void => {
  assert.deepEqual([step.outcome, step.note, step.next], [outcome, note, null])
}
const numbers = ({ next }: ChainStep) =>
  next && {
    kind: next.kind,
    depth: next.depth,
    decompositions: next.decompositions,
    interruptions: next.interruptions,
    stale: next.stale,
  }

test('chain - complete: it ends, and the answer is delivered without the marker', () => {
  for (const after of [null, counts(4, 4)]) {
    const step = nextStep(batch({ said: COMPLETE, after, done_before: 2, depth: 7 }))
    ended(step, 'complete', '✅ Harness loop complete! All tasks finished.')
    assert.equal(step.text, 'Did it.')
  }
})

test('chain - a batch that somebody has stopped is the last one, also where its answer was there first', () => {
  const given = { said: BATCH, done_before: 0, after: counts(1, 4) }
  assert.notEqual(nextStep(batch(given)).next, null)
  const step = nextStep(batch({ ...given, is_stopped: true }))
  ended(step, 'cancelled', '🛑 Stopped on request: no further batch is begun. Send /resume to go on.')
  assert.equal(nextStep(batch({ after: counts(2, 2), done_before: 1, is_stopped: true })).outcome, 'complete')
})

test('chain - complete, but tasks.json says otherwise: it ends, and nothing untrue is told', () => {
  const step = nextStep(batch({ said: COMPLETE, after: counts(1, 4) }))
  ended(step, 'complete', '⚠️ Harness loop ended as complete, but tasks.json counts 1/4 done. Check /status.')
})

test('chain - batch done: the next one follows, one deeper, after the pause', () => {
  const step = nextStep(batch({ said: BATCH, done_before: 0, after: counts(1, 4) }))
  assert.deepEqual(
    [step.outcome, step.note, step.text],
    ['continues', '📊 Batch done — build: 1/4 tasks complete. Chaining next batch (depth 1)...', 'Did it.'],
  )
  assert.deepEqual(numbers(step), { kind: 'batch', depth: 1, decompositions: 0, interruptions: 0, stale: 0 })
  assert.equal(step.next?.delay_ms, CHAIN_DELAY_MS)
  assert.match(step.next?.prompt ?? '', /next batch/)
  assert.doesNotMatch(step.next?.prompt ?? '', /interrupted/)
})

test('chain - blocked: it ends with the question', () => {
  const step = nextStep(batch({ said: BLOCKED, after: counts(1, 4), done_before: 0 }))
  ended(step, 'blocked', '🚫 Harness blocked on task t3: need a key\nSend a message to unblock.')
  assert.equal(step.text, 'Did it.')
  const silent = nextStep(batch({ said: '[HARNESS_BLOCKED:t3]' }))
  assert.equal(silent.note, '🚫 Harness blocked on task t3: no reason given\nSend a message to unblock.')
})

test('chain - no marker, all done: it ends as complete', () => {
  const note = '✅ Harness loop complete! All 2 tasks finished. (Marker was missing but tasks.json confirms completion.)'
  ended(nextStep(batch({ after: counts(2, 2), done_before: 1 })), 'complete', note)
})

test('chain - no marker, something done or nothing begun: the next one follows', () => {
  const step = nextStep(batch({ after: counts(1, 2), done_before: 0, depth: 3 }))
  assert.equal(step.note, '📊 Batch completed (no marker). tasks.json: 1/2 done. Auto-chaining...')
  assert.deepEqual(numbers(step), { kind: 'batch', depth: 4, decompositions: 0, interruptions: 0, stale: 0 })
  assert.equal(numbers(nextStep(batch({ after: counts(0, 5) })))?.depth, 1)
})

test('chain - no marker, none done, some in progress: it ends with a warning', () => {
  const note = '⚠️ Harness batch completed but no progress detected (0/2). Check /status.'
  ended(nextStep(batch({ after: counts(0, 2, 1), done_before: null })), 'stuck', note)
})

test('chain - tasks.json without tasks: cut the work into tasks, three times in a chain and not once more', () => {
  const step = nextStep(batch({ after: counts(0, 0) }))
  assert.equal(step.note, '📋 tasks.json has 0 tasks — triggering task decomposition (attempt 1/3)...')
  assert.deepEqual(numbers(step), { kind: 'decompose', depth: 1, decompositions: 1, interruptions: 0, stale: 0 })
  assert.match(step.next?.prompt ?? '', /cut the work into tasks/)
  const third = nextStep(batch({ after: counts(0, 0), decompositions: 2, depth: 40 }))
  assert.match(third.note ?? '', /attempt 3\/3/)
  const last = nextStep(batch({ after: counts(0, 0), decompositions: 3, depth: 41 }))
  assert.deepEqual([last.outcome, last.next], ['stuck', null])
  assert.match(last.note ?? '', /still has 0 tasks after 3 attempts/)
  // The count is of the chain, not of a row: a batch between does not begin it anew.
  const between = nextStep(batch({ said: BATCH, after: counts(1, 4), done_before: 0, decompositions: 3, depth: 5 }))
  assert.equal(between.next?.decompositions, 3)
})

test('chain - no harness: a plain result, in full and without a note', () => {
  const reply = 'x'.repeat(10_000)
  const step = nextStep(batch({ reply }))
  ended(step, 'plain', null)
  assert.equal(step.text, reply)
})

test('chain - a tasks.json that can no longer be read: it ends, and says so', () => {
  for (const given of [{ done_before: 2 }, { depth: 1 }]) {
    const step = nextStep(batch(given))
    assert.deepEqual([step.outcome, step.next, step.text], ['plain', null, 'Did it.'])
    assert.match(step.note ?? '', /can no longer be read/)
  }
})

test('chain - a failed or expired batch never goes on, whatever it had said', () => {
  for (const state of ['failed', 'expired'] as const) {
    for (const said of [COMPLETE, BATCH, undefined]) {
      const given = {
        state,
        reply: `[ERROR] Not logged in.\n${said ?? ''}`,
        reason: 'no login',
        done_before: 1,
        after: counts(2, 4),
      }
      const step = nextStep(batch(given))
      ended(
        step,
        'failed',
        '❌ Harness batch failed and the chain stopped (2/4 tasks done). Send /resume once the cause is gone.',
      )
      assert.match(step.text, /^\[ERROR\] Not logged in\./)
    }
    const plain = nextStep(batch({ state, reply: '', reason: 'no login' }))
    ended(plain, 'failed', null)
    assert.equal(plain.text, 'no login')
  }
})

test('chain - a cancelled batch ends it without a word', () => {
  ended(nextStep(batch({ state: 'cancelled', said: BATCH, done_before: 0, after: counts(1, 4), depth: 3 })), 'cancelled', null)
})

test('chain - after an interrupted batch the next one follows and is told so; it is not the same again', () => {
  const given = { state: 'interrupted', reason: 'its process is gone', done_before: 1, after: counts(1, 4), depth: 2 } as const
  const step = nextStep(batch({ ...given, reply: '[ERROR] Claude was interrupted.' }))
  assert.equal(step.outcome, 'interrupted')
  assert.equal(
    step.note,
    '⚡ Harness batch interrupted (its process is gone). It is not run again; chaining next batch (depth 3)...',
  )
  assert.equal(step.text, '[ERROR] Claude was interrupted.')
  assert.deepEqual(numbers(step), { kind: 'batch', depth: 3, decompositions: 0, interruptions: 1, stale: 0 })
  assert.match(step.next?.prompt ?? '', /was interrupted[\s\S]*state of the files first/)
})

test('chain - the marker of an interrupted batch is not believed, its tasks.json is', () => {
  const given = { state: 'interrupted', reason: null, done_before: 1 } as const
  assert.equal(nextStep(batch({ ...given, said: COMPLETE, after: counts(1, 4) })).next?.interruptions, 1)
  assert.equal(nextStep(batch({ ...given, said: BLOCKED, after: null })).next?.interruptions, 1)
  assert.equal(nextStep(batch({ ...given, after: counts(4, 4) })).outcome, 'complete')
})

test('chain - the third interrupted batch in a row ends it; one that was answered parts the row', () => {
  const given = { state: 'interrupted', reason: 'killed', done_before: 1, after: counts(1, 4) } as const
  const last = nextStep(batch({ ...given, interruptions: MAX_INTERRUPTIONS - 1, depth: 8 }))
  assert.deepEqual([last.outcome, last.next], ['interrupted', null])
  assert.match(last.note ?? '', /3 batches in a row were interrupted.*\(killed\).*\/resume/)
  const answered = nextStep(batch({ said: BATCH, done_before: 1, after: counts(2, 4), interruptions: 2 }))
  assert.equal(answered.next?.interruptions, 0)
})

test('chain - plain work that was interrupted is told and not followed by anything', () => {
  const step = nextStep(batch({ state: 'interrupted', reply: '[ERROR] Claude was interrupted.', reason: 'killed' }))
  ended(step, 'interrupted', null)
  assert.equal(step.text, '[ERROR] Claude was interrupted.')
})

test('chain - two batches in a row that bring nothing end it, with or without a marker', () => {
  for (const said of [BATCH, undefined]) {
    const once = nextStep(batch({ said, done_before: 1, after: counts(1, 4) }))
    assert.equal(once.next?.stale, 1)
    const twice = nextStep(batch({ said, done_before: 1, after: counts(1, 4), stale: 1 }))
    ended(twice, 'stuck', '⚠️ Harness batch completed but no progress detected (1/4). Check /status.')
    assert.equal(nextStep(batch({ said, done_before: 1, after: counts(2, 4), stale: 1 })).next?.stale, 0)
  }
  // Without a readable file the marker's own count is what there is to tell.
  const blind = nextStep(batch({ said: BATCH, stale: MAX_STALE - 1 }))
  ended(blind, 'stuck', '⚠️ Harness batch completed but no progress detected (1/4). Check /status.')
})

test('chain - an interrupted batch neither counts as one that brought nothing nor parts two', () => {
  const given = { state: 'interrupted', reason: null, stale: 1 } as const
  assert.equal(nextStep(batch({ ...given, done_before: 1, after: counts(1, 4) })).next?.stale, 1)
  assert.equal(nextStep(batch({ ...given, done_before: 1, after: counts(2, 4) })).next?.stale, 0)
})

test('chain - that a plan came to be is progress, and a plan without tasks is none', () => {
  assert.equal(doneBefore(null), null)
  assert.equal(doneBefore(counts(0, 0)), null)
  assert.equal(doneBefore(counts(0, 3)), 0)
  assert.equal(
    nextStep(batch({ said: BATCH, done_before: doneBefore(counts(0, 0)), after: counts(0, 9), stale: 1 })).next?.stale,
    0,
  )
  assert.equal(nextStep(batch({ said: BATCH, done_before: doneBefore(counts(0, 9)), after: counts(0, 9) })).next?.stale, 1)
})

test('chain - the hundredth batch is the last, and says so', () => {
  const given = { said: BATCH, done_before: 1, after: counts(2, 200) }
  assert.equal(nextStep(batch({ ...given, depth: MAX_BATCHES - 2 })).next?.depth, MAX_BATCHES - 1)
  const note = '🛑 Harness stopped after 100 batches, the limit of one chain (2/200 tasks done). Send /resume to go on.'
  const others = [{}, { reply: 'no marker' }, { state: 'interrupted' as const }, { reply: 'no tasks', after: counts(0, 0) }]
  for (const changed of others) {
    const step = nextStep(batch({ ...given, depth: MAX_BATCHES - 1, ...changed }))
    ended(step, 'limit', note.replace('2/200', changed.after ? '0/0' : '2/200'))
  }
})

test('chain - an answer that is nothing but a marker leaves no text; a note is there', () => {
  const step = nextStep(batch({ reply: COMPLETE }))
  assert.equal(step.text, '')
  assert.notEqual(step.note, null)
})

const marker = fc.constantFrom(COMPLETE, BATCH, BLOCKED, '', '', BATCH, BATCH)
const after = fc.oneof(
  { weight: 1, arbitrary: fc.constant(null) },
  {
    weight: 8,
    arbitrary: fc.tuple(fc.nat(6), fc.nat(6), fc.nat(2)).map(([done, more, busy]) => counts(done, done + more + busy, busy)),
  },
)
const state = fc.constantFrom(
  'answered',
  'answered',
  'answered',
  'interrupted',
  'failed',
  'cancelled',
  'expired',
) as fc.Arbitrary<Batch['state']>

/** Runs a chain in which each batch ends as `next` says, and gives all its steps. */
const run = (next: (depth: number) => Pick<Batch, 'state' | 'reply' | 'after'>): { batches: Batch[]; steps: ChainStep[] } => {
  const batches: Batch[] = []
  const steps: ChainStep[] = []
  let now: TaskCounts | null = null
  for (let told: ChainStep['next'] | undefined; told !== null; told = steps.at(-1)?.next) {
    const { depth = 0, decompositions = 0, interruptions = 0, stale = 0 } = told ?? {}
    const how = next(depth)
    const given = batch({ ...how, depth, decompositions, interruptions, stale, done_before: doneBefore(now) })
    now = how.after
    batches.push(given)
    steps.push(nextStep(given))
    assert.ok(steps.length <= 200, 'it goes on and on')
  }
  return { batches, steps }
}

const longestRow = (list: readonly boolean[]): number =>
  list.reduce(({ row, most }, is) => ({ row: is ? row + 1 : 0, most: Math.max(most, is ? row + 1 : 0) }), { row: 0, most: 0 })
    .most

test('chain - property: every chain ends within its limits, and nothing that was said is kept back', () => {
  const ends = fc.array(fc.record({ state, said: marker, after }), { minLength: 1, maxLength: 150 })
  fc.assert(
    fc.property(ends, (list) => {
      const { batches, steps } = run((depth) => {
        const { said, ...how } = list[depth % list.length] as (typeof list)[number]
        return { ...how, reply: `Answer ${depth}.\n${said}` }
      })
      assert.ok(batches.length <= MAX_BATCHES)
      assert.deepEqual(
        batches.map(({ depth }) => depth),
        batches.map((_, index) => index),
      )
      assert.ok(steps.filter(({ next }) => next?.kind === 'decompose').length <= MAX_DECOMPOSITIONS)
      assert.ok(longestRow(batches.map((each) => each.state === 'interrupted')) <= MAX_INTERRUPTIONS)
      for (const [index, step] of steps.entries()) {
        assert.ok(step.text.startsWith(`Answer ${index}.`))
        assert.equal(step.next !== null, index < steps.length - 1)
        const { state: how } = batches[index] as Batch
        if (step.next) assert.ok(['answered', 'interrupted'].includes(how) && step.note !== null)
        if (step.outcome === 'continues') assert.notEqual(step.next, null)
      }
    }),
    { numRuns: 2_000 },
  )
})

test('chain - a project of thirty batches is worked off, with an interruption at every third', () => {
  let done = 0
  const { steps } = run((depth) => {
    const isInterrupted = depth % 3 === 2
    if (!isInterrupted) done += 1
    const reply = isInterrupted ? '[ERROR] Claude was interrupted.' : `[HARNESS_BATCH_DONE:build:${done}/20]`
    return { state: isInterrupted ? 'interrupted' : 'answered', reply: done === 20 ? COMPLETE : reply, after: counts(done, 20) }
  })
  assert.equal(steps.length, 29)
  assert.equal(steps.at(-1)?.outcome, 'complete')
  assert.equal(steps.filter(({ outcome }) => outcome === 'interrupted').length, 9)
})

test('chain - whoever does nothing and says so with markers is stopped after two', () => {
  assert.equal(run(() => ({ state: 'answered', reply: BATCH, after: counts(1, 4) })).steps.length, 3)
  assert.equal(run(() => ({ state: 'answered', reply: BATCH, after: null })).steps.length, 2)
  assert.equal(run(() => ({ state: 'answered', reply: 'x', after: counts(0, 0) })).steps.length, 4)
  assert.equal(run(() => ({ state: 'interrupted', reply: 'x', after: counts(1, 4) })).steps.length, 3)
  assert.equal(run((depth) => ({ state: 'answered', reply: BATCH, after: counts(depth, 1_000) })).steps.length, 100)
})
