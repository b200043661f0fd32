import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LedgerPage } from '../../../protocol/ledger.ts'
import { scheduler } from '../../../protocol/scheduler.ts'
import { checkLeaks, eventually, tempDir } from '../../harness.ts'
import { audited } from './audited.ts'
import { MONDAY, openRig } from './rig.ts'

checkLeaks()

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/

test('service - a job is shown as the predecessor showed it, with what is new behind', async (t) => {
  const rig = await openRig(t)
  const made = await rig.call('create', { name: 'j1', cron_expression: '*/5 * * * *', command: 'echo hi; echo err >&2' })
  assert.equal(made.id, 1)
  assert.equal(made.next_runs.length, 5)
  const [job] = await rig.call('list', {})
  assert.ok(job)
  assert.deepEqual(Object.keys(job).slice(0, 12), [
    ...['id', 'name', 'cron_expression', 'command', 'job_type', 'enabled', 'last_run_at', 'last_result', 'timezone'],
    ...['created_at', 'updated_at', 'bot_id'],
  ])
  assert.deepEqual([job.enabled, job.last_run_at, job.timezone, job.bot_id], [1, null, null, 'default'])
  assert.match(job.created_at, ISO)
  assert.deepEqual(
    [job.misfire, job.misfire_limit, job.overlap, job.timeout_s, job.retries, job.jitter_s, job.disable_after, job.delivery.kind],
    ['once', 10, 'skip', 900, 0, 0, 10, 'none'],
  )
  assert.equal(job.next_runs.length, 1)
  for (const answer of [await rig.call('get', { job_id: 1 }), job]) scheduler.methods.get.output.parse(answer)
})

test('service - the next runs are told on both clocks', async (t) => {
  const rig = await openRig(t)
  const { zone, next_runs } = await rig.call('preview', { cron_expression: '0 9 * * *', timezone: 'Asia/Shanghai' })
  assert.equal(zone, 'Asia/Shanghai')
  assert.deepEqual(next_runs[0], { utc: '2026-01-06T01:00:00Z', local: '2026-01-06T09:00:00+08:00' })
  assert.equal(next_runs.length, 5)
})

test('service - what cannot be used is refused with the reason and an example, and nothing of it is stored', async (t) => {
  const rig = await openRig(t)
  const good = { name: 'n', cron_expression: '* * * * *', command: 'true' }
  const bad: [object, string, RegExp][] = [
    [{ cron_expression: '61 * * * *' }, 'cron_expression', /out of range.*for example/],
    [{ cron_expression: '* * * *' }, 'cron_expression', /Too few fields/],
    [{ cron_expression: '0 0 30 2 *' }, 'cron_expression', /never comes due/],
    [{ timezone: 'Mars/Base' }, 'timezone', /Asia\/Shanghai/],
    [{ cwd: 'here' }, 'cwd', /absolute/],
    [{ command: ' ' }, 'command', /empty/],
    [{ command: 'é'.repeat(60_001) }, 'command', /120002 bytes.*at most 120000/],
    [{ delivery: { kind: 'webhook', url: 'ftp://x/' } }, 'delivery', /http/],
    [{ delivery: { kind: 'webhook', url: 'http://169.254.169.254/latest' } }, 'delivery', /may not call/],
    [{ delivery: { kind: 'telegram', chat_id: '5' } }, 'delivery', /bot_token|needed/],
  ]
  for (const [fields, field, reason] of bad) {
    await assert.rejects(
      rig.call('create', { ...good, ...fields }),
      (error: { code: string; message: string; data: { issues: { path: string[] }[] } }) => {
        assert.deepEqual([error.code, error.data.issues[0]?.path[0]], ['invalid_input', field])
        assert.match(error.message, reason)
        return true
      },
    )
  }
  await assert.rejects(async () => await rig.call('create', { name: 'x' }), {
    code: 'invalid_input',
    message: /cron_expression.*command/,
  })
  await assert.rejects(async () => await rig.call('create', { ...good, job_type: 'weird' }), { code: 'invalid_input' })
  assert.deepEqual(await rig.call('list', { bot_id: '' }), [])
  const { id } = await rig.call('create', good)
  await assert.rejects(rig.call('update', { job_id: id, cron_expression: 'nonsense', enabled: false }), { code: 'invalid_input' })
  assert.deepEqual(
    [(await rig.call('get', { job_id: id })).cron_expression, (await rig.call('get', { job_id: id })).enabled],
    ['* * * * *', 1],
  )
})

test('service - an update changes what is given; null is not given, an empty zone is the machine’s', async (t) => {
  const rig = await openRig(t)
  const { id: job_id } = await rig.call('create', {
    name: 'n',
    cron_expression: '0 9 * * *',
    command: 'true',
    timezone: 'Asia/Shanghai',
  })
  const before = await rig.call('get', { job_id })
  rig.now += 1_000
  assert.deepEqual(await rig.call('update', { job_id }), before)
  assert.deepEqual(await rig.call('update', { job_id, timezone: null, name: null }), before)
  await rig.call('update', { job_id, cwd: rig.home, chat_id: 'talk', spend_limit_usd: 2, timeout_s: 7 })
  const cleared = await rig.call('update', { job_id, cwd: null, chat_id: null, spend_limit_usd: null, timeout_s: null })
  const { updated_at: _now, ...rest } = cleared
  const { updated_at: _then, ...first } = before
  assert.deepEqual(rest, first, 'what may be absent can be taken back')
  const renamed = await rig.call('update', { job_id, name: 'renamed', enabled: false, spend_limit_usd: 1.5 })
  assert.deepEqual([renamed.name, renamed.enabled, renamed.next_runs, renamed.spend_limit_usd], ['renamed', 0, [], 1.5])
  assert.notEqual(renamed.updated_at, before.updated_at)
  const local = await rig.call('update', { job_id, timezone: '', enabled: true })
  assert.deepEqual(
    [local.timezone, local.zone, local.next_runs.length],
    [null, Intl.DateTimeFormat().resolvedOptions().timeZone, 5],
  )
  await assert.rejects(rig.call('update', { job_id: 99, name: 'x' }), { code: 'not_found', message: 'Job not found' })
})

test('service - a job of another bot is not there for who says whose it must be', async (t) => {
  const rig = await openRig(t)
  const { id: job_id } = await rig.call('create', { name: 'n', cron_expression: '0 9 * * *', command: 'true', bot_id: 'botB' })
  assert.deepEqual(await rig.call('list', {}), [])
  assert.equal((await rig.call('list', { bot_id: 'botB' })).length, 1)
  for (const [method, input] of [
    ['get', {}],
    ['update', { name: 'x' }],
    ['delete', {}],
    ['run', {}],
  ] as const)
    await assert.rejects(
      async () => await rig.call(method, { job_id, bot_id: 'default', ...input }),
      { code: 'not_found' },
      method,
    )
  assert.equal((await rig.call('get', { job_id, bot_id: 'botB' })).name, 'n')
  assert.deepEqual(await rig.call('delete', { job_id, bot_id: 'botB' }), { deleted: true })
  assert.deepEqual(await rig.call('delete', { job_id }), { deleted: true })
})

test('service - a manual run answers with the result, also of a disabled job, and history has it', async (t) => {
  const rig = await openRig(t)
  const { id: job_id } = await rig.call('create', {
    name: 'n',
    cron_expression: '0 9 * * *',
    command: 'echo hi; echo err >&2',
    enabled: false,
  })
  const answer = await rig.call('run', { job_id })
  assert.deepEqual([answer.result, answer.state, answer.pending], ['hi\n', 'ran', false])
  await assert.rejects(async () => await rig.call('run', { job_id: 99 }), { code: 'not_found', message: 'Job not found' })
  rig.now += 1_000
  await rig.call('run', { job_id })
  const rows = await rig.call('history', { job_id })
  assert.deepEqual(
    rows.map(({ id }) => id),
    [2, 1],
  )
  const [, first] = rows
  assert.deepEqual(Object.keys(first ?? {}).slice(0, 6), ['id', 'job_id', 'started_at', 'finished_at', 'result', 'success'])
  assert.deepEqual([first?.result, first?.success, first?.trigger, first?.stderr], ['hi\n', 1, 'manual', 'err\n'])
  assert.match(first?.started_at ?? '', ISO)
  assert.deepEqual((await rig.call('history', { job_id, limit: 1 })).length, 1)
  assert.deepEqual((await rig.call('history', { job_id, limit: 0 })).length, 0)
  assert.deepEqual((await rig.call('history', { job_id, limit: -1 })).length, 2)
  assert.deepEqual(await rig.call('history', { job_id: 99 }), [])
  const job = await rig.call('get', { job_id })
  assert.deepEqual([job.last_result, job.last_run_at], ['hi\n', rows[0]?.finished_at])
  await rig.call('delete', { job_id })
  assert.equal((await rig.call('history', { job_id })).length, 2)
})

test('service - the same call asked again attaches to its run; another one meets the overlap', async (t) => {
  const rig = await openRig(t)
  const { id: job_id } = await rig.call('create', { name: 'n', cron_expression: '0 9 * * *', command: 'sleep 30' })
  const first = await rig.call('run', { job_id, idempotency_key: 'k', wait_ms: 0 })
  const again = await rig.call('run', { job_id, idempotency_key: 'k', wait_ms: 50 })
  assert.deepEqual([again.run_id, again.pending], [first.run_id, true])
  await assert.rejects(async () => await rig.call('run', { job_id, wait_ms: 0 }), {
    code: 'conflict',
    message: /running already/,
  })
  await eventually(() => rig.rows(job_id)[0]?.state === 'running')
  await rig.call('stop_run', { run_id: first.run_id })
  const ended = await rig.call('run', { job_id, idempotency_key: 'k' })
  assert.deepEqual(
    [ended.run_id, ended.state, ended.reason, rig.rows(job_id).length],
    [first.run_id, 'failed', 'It was stopped', 1],
  )
})

test('service - with CRON_SHELL=off shell jobs are refused, and those that are there are skipped with the reason', async (t) => {
  const home = tempDir(t)
  const on = await openRig(t, { home })
  const job_id = await on.create({ command: 'echo ran' })
  await on.close()
  const off = await openRig(t, { home, env: { CRON_SHELL: 'off' } })
  await assert.rejects(off.create({ command: 'true' }), { code: 'forbidden', message: /CRON_SHELL=off/ })
  await assert.rejects(async () => await off.call('run', { job_id }), { code: 'forbidden', message: /CRON_SHELL=off/ })
  off.pass(60)
  assert.deepEqual(
    off.rows(job_id).map(({ state, reason }) => [state, reason]),
    [['skipped', 'Shell jobs are switched off (CRON_SHELL=off)']],
  )
  assert.equal((await off.call('status', {})).shell, false)
})

test('service - a failed run is tried again after a while, and what came of it is kept', async (t) => {
  const rig = await openRig(t)
  const gate = `${rig.home}/gate`
  const job_id = await rig.create({
    command: `if mkdir ${gate}; then echo first; exit 9; fi; echo second`,
    retries: 2,
    cron_expression: '0 12 * * *',
  })
  const { run_id } = await rig.call('run', { job_id, wait_ms: 0 })
  await eventually(() => rig.rows(job_id)[0]?.attempt === 1 && rig.states(job_id)[0] === 'claimed')
  const [waiting] = await rig.call('history', { job_id })
  assert.match(waiting?.reason ?? '', /Exit code 9; attempt 2 of 3 comes in 30 s/)
  rig.pass(29)
  assert.equal(rig.states(job_id)[0], 'claimed')
  rig.pass(2)
  const run = await rig.settled(run_id)
  assert.deepEqual([run.state, run.attempt, run.result, run.reason], ['ran', 2, 'second\n', null])
})

test('service - a job that fails again and again is disabled with a notice, and enabled it begins anew', async (t) => {
  const rig = await openRig(t, {})
  const job_id = await rig.create({ command: 'exit 1', disable_after: 2, overlap: 'allow' })
  for (const expected of [1, 2]) {
    rig.pass(60)
    await eventually(() => rig.states(job_id).filter((state) => state === 'failed').length === expected)
  }
  const job = await eventually(async () => {
    const answer = await rig.call('get', { job_id })
    return answer.enabled === 0 ? answer : undefined
  })
  assert.match(job.problem ?? '', /disabled after 2 failures in a row.*Exit code 1/)
  assert.deepEqual(rig.told.filter(({ topic }) => topic === 'job_disabled').length, 1)
  rig.pass(180)
  assert.equal(rig.rows(job_id).length, 2)
  const enabled = await rig.call('update', { job_id, enabled: true })
  assert.deepEqual([enabled.problem, enabled.failures], [null, 0])
  const { lacking } = await audited((input) => rig.call('ledger', input) as Promise<LedgerPage>, MONDAY, rig.now)
  assert.deepEqual(lacking, [])
})

test('service - five hundred commands due in one second all run once, so many at a time', async (t) => {
  const rig = await openRig(t, { env: { CRON_MAX_RUNNING: '20' } })
  const ids: number[] = []
  for (let job = 0; job < 500; job += 1) ids.push(await rig.create({ command: `echo ${job} >>all; echo ${job}`, cwd: rig.home }))
  rig.pass(60)
  let most = 0
  await eventually(
    () => {
      const { running, claimed } = rig.query<{ running: number; claimed: number }>(
        "SELECT sum(state = 'running') AS running, sum(state = 'claimed') AS claimed FROM runs",
      )[0] ?? { running: 1, claimed: 1 }
      most = Math.max(most, running)
      return running + claimed === 0
    },
    { timeout_ms: 120_000, every_ms: 20 },
  )
  assert.ok(most <= 20, `${most} at a time`)
  const results = ids.flatMap((id) => rig.rows(id).map(({ result, state }) => `${state} ${result}`))
  assert.deepEqual(results.sort(), ids.map((_, job) => `ran ${job}\n`).sort())
})

test('service - the status counts jobs and runs and tells how late claims were', async (t) => {
  const rig = await openRig(t)
  const job_id = await rig.create({ command: 'true' })
  await rig.create({ command: 'true', enabled: false })
  rig.now = MONDAY + 60_400
  rig.tick()
  await rig.allSettled(job_id)
  const status = await rig.call('status', {})
  assert.deepEqual([status.jobs, status.enabled, status.claimed, status.running], [2, 1, 0, 0])
  assert.deepEqual([status.late_ms, status.last_tick_at, status.next_due_at], [400, rig.now, MONDAY + 120_000])
})
