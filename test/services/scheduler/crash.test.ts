/**
 * The scheduler killed at every named point between a claim and its finish. What was run is counted by the commands
 * themselves, by the demo agent's journal and by what the webhook got, never by our rows alone.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { POINTS, type Point } from '../../../services/scheduler/points.ts'
import type { RunRow } from '../../../services/scheduler/rows.ts'
import { atEnd, checkLeaks, eventually, type Scope } from '../../harness.ts'
import { audited } from './audited.ts'
import { type House, openHouse } from './house.ts'

checkLeaks()

/** A receiver that counts what it gets by its key. */
const openReceiver = async (t: Scope) => {
  const got: {
    readonly key: string
    readonly body: { readonly run_id: string; readonly state: string; readonly result: string }
  }[] = []
  const server = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8').on('data', (piece: string) => (text += piece))
    request.on('end', () => {
      got.push({ key: String(request.headers['idempotency-key']), body: JSON.parse(text) })
      response.writeHead(204).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  atEnd(t, () => new Promise<void>((resolve) => void server.close(() => resolve())))
  return { got, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` }
}

const OPEN = "state IN ('claimed', 'running')"

/** Disabled, the job would leave what is due and waits. */
const NOT_SOON = '0 0 29 2 *'

/** Waits until the job has its first scheduled run and that has ended; from then on no more comes due. */
const firstRun = async (house: House, job_id: number): Promise<RunRow> => {
  const run = await eventually(
    () => house.query<RunRow>(`SELECT * FROM runs WHERE job_id = ? AND NOT ${OPEN} ORDER BY id LIMIT 1`, job_id)[0],
    {
      timeout_ms: 60_000,
    },
  )
  await house.scheduler.update({ job_id, cron_expression: NOT_SOON }, { timeout_ms: 20_000 })
  await eventually(() => house.query(`SELECT 1 FROM runs WHERE ${OPEN}`).length === 0, { timeout_ms: 60_000 })
  return run
}

const checkLedger = async (house: House, job_id: number, since: number): Promise<RunRow[]> => {
  const rows = house.query<RunRow>('SELECT * FROM runs WHERE job_id = ?', job_id)
  assert.equal(new Set(rows.map(({ scheduled_at }) => scheduled_at)).size, rows.length, 'one row for each moment')
  const { lacking } = await audited((input) => house.scheduler.ledger(input, { timeout_ms: 20_000 }), since, Date.now())
  assert.deepEqual(lacking, [])
  return rows
}

const SHELL_POINTS = POINTS.filter((point) => point !== 'prompt_sent')

for (const point of SHELL_POINTS) {
  test(`crash - killed at ${point}: a command runs once for each moment, and its result arrives`, async (t) => {
    const since = Date.now()
    const house = await openHouse(t)
    const { got, url } = await openReceiver(t)
    const journal = join(house.home, 'ran')
    house.arm(point)
    const { id } = await house.scheduler.create({
      name: 'job',
      // The moment is written by the command itself, together with who asked for it.
      command: `echo "$SWITCHBOARD_RUN" >>${journal}; sleep 0.3; echo done`,
      cron_expression: '*/2 * * * * *',
      overlap: 'queue',
      misfire: 'all',
      delivery: { kind: 'webhook', url },
    })
    await house.died()
    await house.start('scheduler')
    await firstRun(house, id)
    const rows = await checkLedger(house, id, since)
    const lines = existsSync(journal) ? readFileSync(journal, 'utf8').trim().split('\n') : []
    const ran = rows.filter(({ state }) => state === 'ran')
    assert.ok(
      ran.length > 0 && rows.every(({ state }) => state === 'ran'),
      JSON.stringify(rows.map(({ state, reason }) => [state, reason])),
    )
    assert.ok(ran.every(({ attempt, result }) => attempt === 1 && result === 'done\n'))
    assert.deepEqual(lines.map((line) => line.slice(0, 36)).sort(), ran.map(({ run_id }) => run_id).sort())
    // The delivery that we died in, having arrived, is owed still: the next life makes it again at once, under the same key.
    const deliveries = () => house.query<{ run_id: string; state: string; attempts: number }>('SELECT * FROM deliveries')
    await eventually(() => deliveries().every(({ state }) => state === 'delivered'))
    assert.deepEqual(
      deliveries()
        .flatMap(({ run_id, attempts }) => Array.from({ length: attempts }, () => run_id))
        .sort(),
      got.map(({ key }) => key).sort(),
    )
    assert.deepEqual([...new Set(got.map(({ key }) => key))].sort(), ran.map(({ run_id }) => run_id).sort())
    assert.equal(got.length, ran.length + (point === 'result_delivered' ? 1 : 0))
    assert.ok(got.every(({ key, body }) => key === body.run_id && body.state === 'ran' && body.result === 'done\n'))
  })
}

const CLAUDE_POINTS: readonly Point[] = ['claims_committed', 'begin_committed', 'prompt_sent', 'before_end', 'end_committed']

for (const point of CLAUDE_POINTS) {
  test(`crash - killed at ${point}: a prompt is asked once for each moment`, async (t) => {
    const since = Date.now()
    const house = await openHouse(t, ['history', 'sessions', 'scheduler'])
    house.arm(point)
    const message = `{{label=cron${point} tokens=5 delay_ms=20}}`
    const { id } = await house.scheduler.create({
      name: 'job',
      job_type: 'claude',
      command: message,
      cron_expression: '*/3 * * * * *',
      overlap: 'queue',
    })
    await house.died()
    await house.start('scheduler')
    await firstRun(house, id)
    const rows = await checkLedger(house, id, since)
    const ran = rows.filter(({ state }) => state === 'ran')
    assert.ok(
      rows.every(({ state }) => ['ran', 'missed'].includes(state)),
      JSON.stringify(rows.map(({ state, reason }) => [state, reason])),
    )
    assert.ok(
      ran.length > 0 && ran.every(({ result }) => result === `cron${point} t0 t1 t2 t3 t4`),
      JSON.stringify(ran.map(({ result }) => result)),
    )
    assert.equal(house.prompts(message), ran.length)
  })
}

test('crash - sessions killed in the middle of a prompt: the run says so and the prompt is not asked again', async (t) => {
  const house = await openHouse(t, ['history', 'sessions', 'scheduler'])
  const message = '{{label=long tokens=60 delay_ms=50}}'
  const { id } = await house.scheduler.create({ name: 'job', job_type: 'claude', command: message, cron_expression: '0 0 1 1 *' })
  const begun = await house.scheduler.run({ job_id: id, wait_ms: 0 })
  await eventually(() => house.prompts(message) === 1, { timeout_ms: 20_000 })
  await house.kill('sessions')
  await house.start('sessions')
  const run = await eventually(
    async () => {
      const answer = await house.scheduler.get_run({ run_id: begun.run_id, wait_ms: 1_000 })
      return answer.finished_at === null ? undefined : answer
    },
    { timeout_ms: 60_000 },
  )
  assert.deepEqual([run.state, run.attempt], ['ran', 1], run.reason ?? '')
  assert.equal(house.prompts(message), 1)
  assert.ok(run.result?.endsWith('t59'))
})

test('crash - killed while a command runs, again and again: it is followed to its end and not begun twice', async (t) => {
  const house = await openHouse(t)
  const journal = join(house.home, 'ran')
  const gate = join(house.home, 'gate')
  const command = `echo begun >>${journal}; while [ ! -e ${gate} ]; do sleep 0.05; done; echo over; exit 7`
  const { id } = await house.scheduler.create({ name: 'job', command, cron_expression: '0 0 1 1 *' })
  // As the edge asks: the same call, until it has ended.
  const call_id = 'one-call'
  const first = await house.scheduler.run({ job_id: id, wait_ms: 0 }, { call_id })
  await eventually(() => existsSync(journal))
  for (let kill = 0; kill < 3; kill += 1) {
    await house.kill('scheduler')
    await house.start('scheduler')
  }
  const again = house.scheduler.run({ job_id: id, wait_ms: 20_000 }, { call_id, timeout_ms: 30_000 })
  writeFileSync(gate, '')
  const answer = await again
  assert.deepEqual(
    [answer.run_id, answer.state, answer.exit_code, answer.result, answer.pending],
    [first.run_id, 'failed', 7, 'over\n', false],
  )
  assert.equal(readFileSync(journal, 'utf8'), 'begun\n')
})

test('crash - a signal ends the scheduler with status 0 and leaves the command running', async (t) => {
  const house = await openHouse(t, [])
  const child = await house.start('scheduler')
  const gate = join(house.home, 'gate')
  const command = `while [ ! -e ${gate} ]; do sleep 0.05; done; echo over`
  const { id } = await house.scheduler.create({ name: 'job', command, cron_expression: '0 0 1 1 *' })
  const { run_id } = await house.scheduler.run({ job_id: id, wait_ms: 0 })
  child.process.kill('SIGTERM')
  assert.deepEqual(await child.exit, { code: 0, signal: null })
  await house.start('scheduler')
  writeFileSync(gate, '')
  const run = await house.scheduler.get_run({ run_id, wait_ms: 20_000 })
  assert.deepEqual([run.state, run.result], ['ran', 'over\n'])
})
