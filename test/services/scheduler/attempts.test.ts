import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { checkLeaks, eventually } from '../../harness.ts'
import { openRig, type Rig } from './rig.ts'

checkLeaks()

const DAY_MS = 86_400_000

/** A command that fails the first time, and from then on waits for the file `gate`. */
const failsOnce = (home: string): string =>
  `if mkdir ${home}/once; then exit 9; fi; while [ -d ${home} ] && [ ! -e ${home}/gate ]; do sleep 0.02; done`

const openGate = ({ home }: Rig): void => writeFileSync(join(home, 'gate'), '')

/** A run by hand whose first attempt has failed, and which waits for the second. */
const waiting = async (rig: Rig, fields: object = {}) => {
  rig.tick()
  const job_id = await rig.create({ command: failsOnce(rig.home), cron_expression: '0 0 1 1 *', retries: 2, ...fields })
  const { run_id } = await rig.call('run', { job_id, wait_ms: 0 })
  await eventually(() => rig.states(job_id)[0] === 'claimed' && rig.rows(job_id)[0]?.attempt === 1)
  return { job_id, run_id }
}

/** A job that runs until the gate opens, and then fails; behind it so many moments wait. */
const queued = async (rig: Rig, fields: object, moments: number): Promise<number> => {
  const command = `while [ -d ${rig.home} ] && [ ! -e ${rig.home}/gate ]; do sleep 0.02; done; exit 3`
  const job_id = await rig.create({ command, overlap: 'queue', ...fields })
  rig.pass(60)
  await eventually(() => rig.states(job_id)[0] === 'running')
  rig.pass(60 * moments)
  return job_id
}

test('attempts - the time of a later attempt counts from its own beginning, also after a restart', async (t) => {
  const first = await openRig(t)
  const { job_id, run_id } = await waiting(first, { timeout_s: 600 })
  first.now += 3_000_000
  first.tick()
  await eventually(() => first.rows(job_id)[0]?.attempt === 2)
  await first.close()
  const second = await openRig(t, { home: first.home, now: first.now + 1_000 })
  await second.call('get_run', { run_id, wait_ms: 200 })
  openGate(second)
  const run = await second.settled(run_id)
  assert.deepEqual([run.state, run.reason, run.attempt], ['ran', null, 2])
})

test('attempts - a disabled job begins nothing that waits: not its queue, and no further attempt', async (t) => {
  const rig = await openRig(t)
  const job_id = await queued(rig, { retries: 5 }, 2)
  const retried = await waiting(rig)
  await rig.call('update', { job_id, enabled: false })
  await rig.call('update', { job_id: retried.job_id, enabled: false })
  const told = rig.told.filter(({ topic }) => topic === 'run_ended').map(({ payload }) => payload.state)
  assert.deepEqual(told, ['skipped', 'skipped', 'failed'], 'whoever waits for them is told')
  const [again] = rig.rows(retried.job_id)
  const reason = 'Exit code 9; it is not tried again. Its job was disabled'
  assert.deepEqual([again?.reason, again?.exit_code], [reason, 9], 'what the attempt came to is kept')
  openGate(rig)
  await rig.allSettled(job_id)
  await rig.call('update', { job_id, enabled: true })
  rig.pass(30)
  assert.deepEqual(
    rig.rows(job_id).map(({ state, reason }) => [state, reason]),
    [
      ['failed', 'Exit code 3; it is not tried again. Its job was disabled'],
      ['skipped', 'Its job was disabled'],
      ['skipped', 'Its job was disabled'],
    ],
  )
})

test('attempts - a job that is disabled for its failures begins nothing that waits', async (t) => {
  const rig = await openRig(t)
  const job_id = await queued(rig, { disable_after: 1 }, 1)
  openGate(rig)
  await rig.allSettled(job_id)
  assert.deepEqual(rig.states(job_id), ['failed', 'skipped'])
  assert.deepEqual(rig.told.map(({ topic, payload }) => payload.state ?? topic).sort(), ['failed', 'job_disabled', 'skipped'])
})

test('attempts - a clock set back takes what waits for another attempt back with it', async (t) => {
  const first = await openRig(t)
  const { job_id } = await waiting(first, { delivery: { kind: 'webhook', url: 'http://127.0.0.1:9/' } })
  first.now -= DAY_MS
  first.tick()
  first.pass(31)
  await eventually(() => first.rows(job_id)[0]?.attempt === 2)
  openGate(first)
  await first.allSettled(job_id)
  const tried = async (rig: Rig, attempts: number): Promise<void> =>
    void (await eventually(() => {
      const [row] = rig.deliveries()
      return row?.attempts === attempts && row.reason !== null && row.next_at <= rig.now + 60_000
    }))
  await tried(first, 1)
  await first.close()
  const second = await openRig(t, { home: first.home, now: first.now - DAY_MS })
  second.pass(100)
  await tried(second, 2)
})

const GIVEN_UP = {
  disabled: 'Its job was disabled',
  deleted: 'Its job was deleted',
  forbidden: 'Shell jobs are switched off (CRON_SHELL=off)',
}

for (const [what, why] of Object.entries(GIVEN_UP))
  test(`attempts - a run whose job is ${what} behind an attempt ends as it would within it: delivered, and with its time`, async (t) => {
    let rig = await openRig(t)
    const delivery = { kind: 'webhook', url: 'http://127.0.0.1:9/' }
    const { job_id, run_id } = await waiting(rig, { delivery })
    rig.now += 10_000
    if (what === 'disabled') await rig.call('update', { job_id, enabled: false })
    else if (what === 'deleted') await rig.call('delete', { job_id })
    else {
      await rig.close()
      rig = await openRig(t, { home: rig.home, now: rig.now, env: { CRON_SHELL: 'off' } })
      rig.pass(21)
    }
    const run = await rig.settled(run_id)
    const reason = `Exit code 9; it is not tried again. ${why}`
    const duration_ms = what === 'forbidden' ? 31_000 : 10_000
    assert.deepEqual([run.state, run.reason, run.duration_ms], ['failed', reason, duration_ms])
    const [row, ...others] = rig.deliveries()
    const { job_name, ...body } = JSON.parse(row?.body ?? '{}')
    assert.deepEqual(
      [row?.run_id, body.reason, body.duration_ms, job_name, others.length],
      [run_id, reason, duration_ms, 'job', 0],
    )
  })
