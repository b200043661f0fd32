/**
 * A chain of harness batches whose service is killed in every batch, at another point each time, and in every pause between
 * two. What ran is counted by the agents' own journal.
 */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TaskSummary } from '../../protocol/tasks.ts'
import type { Point } from '../../services/sessions/points.ts'
import { checkLeaks, eventually } from '../harness.ts'
import { openScriptedRig, type Rig } from './rig.ts'

checkLeaks()

const BATCHES = 30
/** In these the agent is killed, too. */
const KILLED: ReadonlySet<number> = new Set([4, 11, 18])

const ROUND: readonly Point[] = [
  'turn_committed',
  'before_handing',
  'handing_committed',
  'line_written',
  'handed_committed',
  'proof_seen',
  'first_text',
  'result_seen',
  'batch_written',
  'end_committed',
]

/**
 * One step of the work: the first task that is not done is done. It dies with its agent in the middle of whatever it does, so
 * the plan is put into its place whole: a chain whose plan is torn ends, rightly, and this test is about another thing.
 */
const STEP = `
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
const file = '.harness/tasks.json'
const plan = JSON.parse(readFileSync(file, 'utf8'))
const next = plan.tasks.find((task) => task.status !== 'done')
if (next) next.status = 'done'
writeFileSync(file + '.next', JSON.stringify(plan))
renameSync(file + '.next', file)
`

const prepare = (rig: Rig): string => {
  const cwd = join(rig.home, 'work', 'default', 'c1')
  mkdirSync(join(cwd, '.harness'), { recursive: true })
  const tasks = Array.from({ length: BATCHES }, (_, id) => ({ id, phase: 'engineering', status: 'pending' }))
  writeFileSync(join(cwd, '.harness', 'tasks.json'), JSON.stringify({ metadata: { project_name: 'heron' }, tasks }))
  writeFileSync(join(cwd, 'step.mjs'), STEP)
  return cwd
}

/** One that is to be killed says two words and waits for its end: so it dies in the middle, however busy the machine is. */
const prepareBatch = (cwd: string, batch: number): void => {
  const end = KILLED.has(batch) ? 'hang_after=2' : ''
  writeFileSync(join(cwd, '.demo-agent'), `{{tool=Bash command="node step.mjs" label=batch tokens=3 ${end}}}`)
}

const journalOf = (rig: Rig): string[] =>
  readFileSync(join(rig.home, 'journal.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { uuid: string }).uuid)

const listed = async (rig: Rig): Promise<TaskSummary[]> => {
  const { tasks } = await rig.sessions.list_tasks({ chat_id: 'c1', limit: 500 }, { timeout_ms: 20_000 })
  return tasks.toSorted((a, b) => a.depth - b.depth)
}

const isAlive = (rig: Rig): boolean => {
  const { exitCode, signalCode } = rig.service('sessions').process
  return exitCode === null && signalCode === null
}

/** Has the service run again where it has killed itself. */
type Revive = () => Promise<void>

/** Waits until the batch has ended, and sees to it that the service lives. */
const endOf = async (rig: Rig, taskId: string, revive: Revive): Promise<void> => {
  await eventually(
    async () => {
      await revive()
      // Whoever asks one that kills itself waits for its return: here somebody has to bring it back.
      const died = rig.service('sessions').exit.then(() => null)
      const task = await Promise.race([rig.sessions.task({ task_id: taskId }).catch(() => null), died])
      return task !== null && ['done', 'failed', 'interrupted', 'cancelled'].includes(task.state)
    },
    { timeout_ms: 60_000 },
  )
}

/** Ends the agent once its model has the batch. */
const killAgent = async (rig: Rig, taskId: string, revive: Revive): Promise<void> => {
  await eventually(
    async () => {
      await revive()
      return journalOf(rig).includes(taskId)
    },
    { timeout_ms: 60_000 },
  )
  const [row] = rig.query<{ pid: number }>('SELECT a.pid FROM turns t JOIN agents a ON a.n = t.agent WHERE t.turn_id = ?', taskId)
  process.kill(row?.pid as number, 'SIGKILL')
}

test('chain - thirty batches, killed at every step: each runs at most once, none is skipped without a row', async (t) => {
  const rig = await openScriptedRig(t)
  const cwd = prepare(rig)
  prepareBatch(cwd, 0)
  rig.arm('turn_committed')
  // Killed right behind its commit, the start is asked for again under the same key.
  const order = { chat_id: 'c1', message: 'begin', idempotency_key: 'chain' }
  const asked = rig.sessions.start_task(order, { timeout_ms: 60_000 })
  await rig.died()
  await rig.start('sessions')
  let current = await asked
  let struck = 0
  const revive: Revive = async () => {
    if (isAlive(rig)) return
    struck += 1
    await rig.start('sessions')
  }
  for (let batch = 0; ; batch += 1) {
    if (KILLED.has(batch)) await killAgent(rig, current.task_id, revive)
    await endOf(rig, current.task_id, revive)
    const next = (await listed(rig)).find((task) => task.depth === batch + 1)
    if (!next) break
    // The pause: its end is a moment in the row, which here comes sooner.
    if (isAlive(rig)) await rig.kill('sessions')
    prepareBatch(cwd, batch + 1)
    rig.change('UPDATE turns SET due_at = 0 WHERE turn_id = ?', next.task_id)
    rig.arm(ROUND[(batch + 1) % ROUND.length] as Point)
    await rig.start('sessions')
    current = next
  }
  const tasks = await listed(rig)
  // Nobody sends the later batches: they pass every point but the first.
  const armed = tasks.map(({ depth }) => ROUND[depth % ROUND.length]).filter((point) => point !== 'turn_committed')
  assert.equal(struck, armed.length, 'it died at every point')
  assert.deepEqual(
    tasks.map((task) => task.depth),
    tasks.map((_, index) => index),
    'one row for each batch',
  )
  assert.equal(new Set(tasks.map((task) => task.chain_id)).size, 1)
  const last = tasks.at(-1)
  assert.equal(last?.outcome, 'complete', `the chain ended behind batch ${last?.depth}: ${last?.note}`)
  assert.deepEqual(
    tasks.map(({ depth, state }) => ({ depth, state })),
    tasks.map(({ depth }) => ({ depth, state: KILLED.has(depth) ? 'interrupted' : 'done' })),
  )
  const ran = journalOf(rig)
  assert.equal(new Set(ran).size, ran.length, 'no batch ran twice')
  assert.deepEqual(new Set(ran), new Set(tasks.map((task) => task.task_id)), 'each batch of a row ran')
  const [harness] = (await rig.sessions.harness_status({ chat_id: 'c1' })).jobs
  assert.equal(harness?.harness?.done, BATCHES)
})
