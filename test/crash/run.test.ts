/** The crash run in short: every named point and every target once, and two builds broken on purpose that it must notice. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { checkLeaks } from '../harness.ts'
import { type CrashRun, type CrashRunOptions, crashRun } from './run/crash-run.ts'
import { MOMENTS, TARGETS } from './run/plan.ts'
import { reportLines } from './run/report.ts'

checkLeaks()

const runShort = async (t: TestContext, options: Partial<CrashRunOptions>): Promise<CrashRun> => {
  const lines: string[] = []
  const sound = { seed: 4, turns: 30, chats: 8, kills: 15, broken: null, legacy: false, keep: false }
  try {
    const run = await crashRun({ ...sound, patience_ms: 90_000, print: (line) => lines.push(line), ...options })
    lines.push(...reportLines(run.plan, run.hits, run.tally, run.took_ms))
    return run
  } finally {
    for (const line of lines) t.diagnostic(line)
  }
}

test('crash - killed at every point and every target once, nothing is lost, doubled or run twice', {
  timeout: 300_000,
}, async (t) => {
  const { plan, tally } = await runShort(t, {})
  assert.deepEqual(new Set(plan.kills.map(({ moment }) => moment)), new Set(MOMENTS))
  assert.deepEqual(new Set(plan.kills.map(({ target }) => target)), new Set(TARGETS))
  assert.deepEqual(faultsOf({ tally }), [])
  assert.equal(tally.answered + tally.interrupted, 30)
})

const faultsOf = ({ tally }: Pick<CrashRun, 'tally'>): [string, number][] =>
  Object.entries(tally.counts).filter(([, count]) => count !== 0)

const broken = { turns: 8, chats: 4, targets: ['sessions'], slow: true, settle_ms: 2_000 } as const

test('crash - a sound build under the kills that find the broken ones out has no fault', { timeout: 200_000 }, async (t) => {
  const moments = ['handed_committed', 'first_text', 'line_written'] as const
  assert.deepEqual(faultsOf(await runShort(t, { ...broken, kills: moments.length, moments, legacy: true })), [])
})

test('crash - a build that acknowledges before it commits is found out', { timeout: 200_000 }, async (t) => {
  const options = { kills: 2, moments: ['handed_committed', 'first_text'], broken: 'ack-before-commit' } as const
  const { tally } = await runShort(t, { ...broken, ...options })
  assert.ok(tally.answered > 0, 'most are served')
  const gone = tally.notes.filter((note) => /^turns lost .* turn \S+: status 404/.test(note))
  assert.ok(gone.length > 0, `who was told its turn finds it no more: ${tally.notes.join('; ')}`)
  assert.equal(tally.counts['kills not hit'], 0)
})

test('crash - a build that sends again without looking is found out', { timeout: 200_000 }, async (t) => {
  const options = { kills: 2, moments: ['line_written'], broken: 'resend-without-looking', legacy: true } as const
  const { tally } = await runShort(t, { ...broken, ...options })
  assert.ok(tally.answered > 0, 'most are served')
  assert.ok(tally.counts['turns run twice'] > 0, 'the model saw a message twice')
  assert.equal(tally.counts['kills not hit'], 0)
})
