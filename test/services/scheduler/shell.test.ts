import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pino } from 'pino'
import { processesOf } from '../../../services/scheduler/shell/processes.ts'
import { Shell } from '../../../services/scheduler/shell/shell.ts'
import { checkLeaks, eventually, type Scope, tempDir } from '../../harness.ts'
import { openRig, type Rig, type RigOptions } from './rig.ts'

checkLeaks()

const running = async (rig: Rig, command: string, fields: object = {}) => {
  const job_id = await rig.create({ command, ...fields })
  const begun = await rig.call('run', { job_id, wait_ms: 0 })
  return { job_id, run_id: begun.run_id }
}

const ran = async (t: Scope, command: string, fields: object = {}, options: RigOptions = {}) => {
  const rig = await openRig(t, options)
  const { job_id, run_id } = await running(rig, command, fields)
  return { rig, job_id, run_id, run: await rig.settled(run_id) }
}

test('shell - the exit code decides, and both streams are kept apart', async (t) => {
  const { rig, run_id, job_id } = await ran(t, 'echo out; echo err >&2; exit 3')
  const run = await rig.call('get_run', { run_id, wait_ms: 0 })
  assert.deepEqual(
    [run.state, run.reason, run.exit_code, run.result, run.stderr, run.success, run.attempt],
    ['failed', 'Exit code 3', 3, 'out\n', 'err\n', 0, 1],
  )
  const good = await rig.call('run', { job_id: await rig.create({ command: 'echo fine' }), wait_ms: 20_000 })
  assert.deepEqual([good.result, good.state, good.pending], ['fine\n', 'ran', false])
  assert.equal((await rig.call('get', { job_id })).failures, 1)
})

test('shell - a signal is told by its number, and an exit code that is none as what it is', async (t) => {
  const rig = await openRig(t)
  const reasons: (string | null)[] = []
  for (const command of ['exit 255', 'exit 192', 'kill -9 $$']) {
    const { run_id } = await running(rig, command)
    reasons.push((await rig.settled(run_id)).reason)
  }
  assert.deepEqual(reasons, ['Exit code 255', 'Exit code 192', 'Signal 9 ended it'])
})

test('shell - the result is stderr where stdout is empty', async (t) => {
  const { run } = await ran(t, 'echo only >&2')
  assert.deepEqual([run.result, run.stderr, run.state], ['only\n', 'only\n', 'ran'])
})

test('shell - a command finds an ordinary environment, its folder and nothing of ours', async (t) => {
  const { run, rig } = await ran(t, 'pwd; umask; env; cat', { cwd: '/' }, { env: { CRON_ENV_PASS: 'EXTRA', EXTRA: 'given' } })
  const lines = run.result?.split('\n') ?? []
  assert.equal(lines[0], '/')
  assert.equal(lines[1], '0022')
  const names = lines.slice(2).flatMap((line) => /^(\w+)=/.exec(line)?.[1] ?? [])
  assert.deepEqual(names.sort(), ['EXTRA', 'HOME', 'PATH', 'PWD', 'SWITCHBOARD_RUN'])
  assert.ok(lines.includes('EXTRA=given'))
  assert.deepEqual(readdirSync(join(rig.home, 'cron')), [], 'its folder is gone')
})

test('shell - a gigabyte of output is cut to its beginning and its end, in bounded memory', async (t) => {
  const before = process.memoryUsage().rss
  const { rig, run_id, run } = await ran(t, 'echo begin; head -c 1000000000 /dev/zero | tr "\\0" x; echo; echo end')
  assert.equal(run.state, 'ran')
  assert.equal(run.result?.length, 10_000)
  assert.ok(run.result.startsWith('begin\nxxx'))
  const stored = rig.query<{ stdout: Buffer }>('SELECT stdout FROM outputs WHERE run_id = ?', run_id)[0]?.stdout.toString()
  assert.ok((stored?.length ?? 0) < 1_100_000)
  assert.match(stored ?? '', /^begin\nx+\n\[… the middle was left out …\]\nx+\nend\n$/)
  assert.ok(process.memoryUsage().rss - before < 200_000_000)
})

test('shell - a command that never ends is ended by its timeout, with all that it has started', async (t) => {
  const rig = await openRig(t)
  // It ignores SIGTERM, and has a child that has left its process group and ignores SIGTERM, too.
  const command = `trap '' TERM; (setsid sh -c "trap '' TERM; while :; do sleep 1; done" &); echo started; while :; do sleep 1; done`
  const { run_id, job_id } = await running(rig, command, { timeout_s: 3 })
  const nonce = await eventually(() => rig.rows(job_id)[0]?.folder)
  await eventually(() => processesOf(nonce, null).length >= 3)
  const run = await rig.settled(run_id)
  assert.deepEqual([run.state, run.exit_code, run.result], ['failed', null, 'started\n'])
  assert.match(run.reason ?? '', /longer than 3 s/)
  assert.deepEqual(processesOf(nonce, null), [])
})

test('shell - a command that ends on SIGTERM is not waited for', async (t) => {
  const rig = await openRig(t)
  const began = performance.now()
  const { run_id } = await running(rig, `trap 'echo bye; exit 0' TERM; while :; do sleep 0.1; done`, { timeout_s: 3 })
  const run = await rig.settled(run_id)
  assert.deepEqual([run.state, run.result], ['failed', 'bye\n'])
  assert.ok(performance.now() - began < 7_000)
})

test('shell - what a command leaves in the background does not hold its run open', async (t) => {
  const rig = await openRig(t)
  const { run_id, job_id } = await running(rig, 'sleep 300 & echo $!')
  const nonce = await eventually(() => rig.rows(job_id)[0]?.folder)
  const run = await rig.settled(run_id)
  const [left] = processesOf(nonce, null)
  assert.deepEqual([run.state, run.result, left], ['ran', `${left}\n`, Number(run.result)])
  process.kill(left ?? 0, 'SIGKILL')
})

test('shell - a stopped run ends with what it has started, and is not tried again', async (t) => {
  const rig = await openRig(t)
  const { run_id } = await running(rig, 'sleep 300', { retries: 3 })
  await eventually(() => rig.query('SELECT 1 FROM runs WHERE folder IS NOT NULL').length === 1)
  assert.deepEqual(await rig.call('stop_run', { run_id }), { stopped: true })
  const run = await rig.settled(run_id)
  assert.deepEqual([run.state, run.reason, run.attempt], ['failed', 'It was stopped', 1])
  assert.deepEqual(await rig.call('stop_run', { run_id }), { stopped: false })
})

test('shell - a working directory that went away fails the run with the reason', async (t) => {
  const rig = await openRig(t)
  const { run_id, job_id } = await running(rig, 'true', { cwd: rig.home })
  await rig.settled(run_id)
  assert.equal(rig.rows(job_id)[0]?.state, 'ran')
  await assert.rejects(rig.create({ command: 'true', cwd: '/not/there' }), { code: 'invalid_input', message: /cwd/ })
  await assert.rejects(rig.create({ command: 'true', cwd: 'relative' }), { code: 'invalid_input', message: /absolute/ })
})

test('shell - output can be read while the command runs, and again afterwards', async (t) => {
  const rig = await openRig(t)
  const gate = join(rig.home, 'gate')
  const { run_id } = await running(
    rig,
    `printf 'first é'; while [ ! -e ${gate} ]; do sleep 0.05; done; echo second; echo err >&2`,
  )
  const first = await eventually(async () => {
    const answer = await rig.call('get_output', { run_id, stdout_from: 0, stderr_from: 0, wait_ms: 1_000 })
    return answer.stdout.text.length === 7 ? answer : undefined
  })
  assert.deepEqual([first.stdout, first.ended, first.run.state], [{ text: 'first é', next: 8 }, false, 'running'])
  writeFileSync(gate, '')
  await rig.settled(run_id)
  const rest = await rig.call('get_output', { run_id, stdout_from: first.stdout.next, stderr_from: 0, wait_ms: 0 })
  assert.deepEqual([rest.stdout.text, rest.stderr.text], ['second\n', 'err\n'])
  const end = await rig.call('get_output', {
    run_id,
    stdout_from: rest.stdout.next,
    stderr_from: rest.stderr.next,
    wait_ms: 5_000,
  })
  assert.deepEqual([end.stdout.text, end.ended], ['', true])
})

test('shell - a closed scheduler leaves a command running, and the next one takes its end', async (t) => {
  const first = await openRig(t)
  const gate = join(first.home, 'gate')
  const journal = join(first.home, 'journal')
  const { run_id } = await running(first, `echo ran >>${journal}; while [ ! -e ${gate} ]; do sleep 0.05; done; echo done; exit 4`)
  await eventually(() => readFileSync(journal, 'utf8') === 'ran\n')
  await first.close()
  const second = await openRig(t, { home: first.home })
  assert.equal((await second.call('get_run', { run_id, wait_ms: 0 })).state, 'running')
  writeFileSync(gate, '')
  const run = await second.settled(run_id)
  assert.deepEqual([run.state, run.exit_code, run.result, run.attempt], ['failed', 4, 'done\n', 1])
  assert.equal(readFileSync(journal, 'utf8'), 'ran\n')
})

test('shell - closed just when a command starts, it follows nothing and holds no timer', async (t) => {
  const root = tempDir(t)
  const env = { HOME: root, PATH: process.env.PATH ?? '' }
  const shell = new Shell({
    root,
    env,
    log: pino({ level: 'silent' }),
    at: (point) => point === 'command_started' && shell.close(),
  })
  const stopped = new AbortController().signal
  void shell.start({ name: 'one', command: 'true', cwd: null, timeout_ms: 60_000, stopped })
  await eventually(() => existsSync(join(root, 'one', 'exit')) && existsSync(join(root, 'one', 'out.done')))
  await eventually(() => processesOf('one', null).length === 0)
  assert.deepEqual(
    process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout'),
    [],
  )
})

test('shell - a command killed with its runner was interrupted, and is not begun again', async (t) => {
  const rig = await openRig(t)
  const { run_id, job_id } = await running(rig, 'echo here; sleep 300', { retries: 3 })
  const nonce = await eventually(() => rig.rows(job_id)[0]?.folder)
  await eventually(async () => (await rig.call('get_output', { run_id })).stdout.text === 'here\n')
  process.kill(Number(readFileSync(join(rig.home, 'cron', nonce, 'runner'), 'utf8')), 'SIGKILL')
  for (const pid of processesOf(nonce, null)) process.kill(pid, 'SIGKILL')
  const run = await rig.settled(run_id)
  assert.deepEqual([run.state, run.exit_code, run.result, run.attempt], ['interrupted', null, 'here\n', 1])
  assert.match(run.reason ?? '', /without an exit status/)
})
