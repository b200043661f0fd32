/** Writes that fail at the worst moment, as they do on a full disk: nothing is lost or run twice, and it goes on when there is room. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { pino } from 'pino'
import { ServiceError } from '../../../protocol/errors.ts'
import type { Turn } from '../../../protocol/sessions.ts'
import { bootId } from '../../../services/runtime/process.ts'
import type { SessionsDoor } from '../../../services/scheduler/claude.ts'
import { processesOf } from '../../../services/scheduler/shell/processes.ts'
import { Shell } from '../../../services/scheduler/shell/shell.ts'
import { fillDisk, wasRefused } from '../../full-disk.ts'
import { atEnd, checkLeaks, eventually, tempDir } from '../../harness.ts'
import { openRig, type Rig, type RigOptions } from './rig.ts'

checkLeaks()

/** From now on the scheduler's writes of a kind are refused, until the answer is called: that waits until one was. */
const fill = (rig: Rig, writes: string): (() => Promise<void>) => {
  const makeRoom = fillDisk(join(rig.home, 'db', 'scheduler.db'), writes)
  const from = rig.lines.length
  return async () => {
    await eventually(() => wasRefused(rig.lines, from))
    makeRoom()
  }
}

/** Sessions with one turn that the test ends. */
const playSessions = () => {
  const keys: (string | undefined)[] = []
  const turn = {
    turn_id: 't1',
    bot_id: 'default',
    chat_id: 'c1',
    state: 'running',
    started_at: 0,
    ended_at: null,
  } as Partial<Turn>
  const sessions = {
    send: async ({ idempotency_key }) => {
      keys.push(idempotency_key)
      return { turn_id: 't1', attached: false }
    },
    turn: async () => turn as Turn,
    events: async () => {
      await new Promise((resolve) => setTimeout(resolve, 5))
      return { events: [], ended: false }
    },
  } satisfies Partial<SessionsDoor>
  return { keys, turn, sessions: sessions as NonNullable<RigOptions['sessions']> }
}

test('full disk - a due moment that cannot be written down is claimed when there is room, and its job stays enabled', async (t) => {
  const rig = await openRig(t)
  const job_id = await rig.create({})
  const makeRoom = fill(rig, 'INSERT ON runs')
  rig.now += 60_000
  assert.throws(() => rig.tick(), /disk is full/)
  rig.start()
  await makeRoom()
  assert.equal((await rig.call('get', { job_id })).enabled, 1)
  rig.tick()
  assert.deepEqual(
    (await rig.allSettled(job_id)).map(({ state }) => state),
    ['ran'],
  )
})

test('full disk - a prompt that was sent is not sent again because its turn could not be written down', async (t) => {
  const { keys, turn, sessions } = playSessions()
  const rig = await openRig(t, { sessions })
  const job_id = await rig.create({ job_type: 'claude', retries: 2 })
  const makeRoom = fill(rig, 'UPDATE OF turn_id ON runs WHEN NEW.turn_id IS NOT NULL')
  const { run_id } = await rig.call('run', { job_id, wait_ms: 0 })
  await makeRoom()
  Object.assign(turn, { state: 'answered', ended_at: 1, reply: 'done' })
  const run = await rig.settled(run_id)
  assert.deepEqual([run.state, run.turn_id, run.attempt, keys.length], ['ran', 't1', 1, 1])
})

test('full disk - a command has run once, however long its end cannot be written', async (t) => {
  const rig = await openRig(t)
  const file = join(rig.home, 'count')
  const job_id = await rig.create({ command: `echo x >> ${file}; exit 3`, retries: 0 })
  const makeRoom = fill(rig, "UPDATE OF state ON runs WHEN NEW.state = 'failed'")
  const { run_id } = await rig.call('run', { job_id, wait_ms: 0 })
  await makeRoom()
  assert.equal((await rig.settled(run_id)).exit_code, 3)
  assert.equal(readFileSync(file, 'utf8'), 'x\n')
})

test('full disk - a stop that cannot be written down stops all the same, and nothing is tried again', async (t) => {
  const rig = await openRig(t)
  const file = join(rig.home, 'begun')
  const job_id = await rig.create({ command: `touch ${file}; sleep 60`, retries: 2 })
  const { run_id } = await rig.call('run', { job_id, wait_ms: 0 })
  await eventually(() => existsSync(file))
  const makeRoom = fill(rig, 'UPDATE OF stop_asked ON runs')
  await rig.call('stop_run', { run_id })
  await makeRoom()
  const run = await rig.settled(run_id)
  assert.deepEqual([run.state, run.reason, run.attempt], ['failed', 'It was stopped', 1])
})

test('full disk - a webhook that has arrived is not posted again', async (t) => {
  let posted = 0
  const server = createServer((_, response) => {
    posted += 1
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  atEnd(t, () => {
    server.closeAllConnections()
    server.close()
  })
  const rig = await openRig(t)
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const job_id = await rig.create({ cron_expression: '0 12 * * *', delivery: { kind: 'webhook', url } })
  const makeRoom = fill(rig, "UPDATE OF state ON deliveries WHEN NEW.state = 'delivered'")
  await rig.call('run', { job_id })
  await eventually(() => wasRefused(rig.lines))
  // The time after which an attempt counts as cut off by a crash.
  rig.now += 61_000
  rig.tick()
  await makeRoom()
  await eventually(() => rig.deliveries()[0]?.state === 'delivered')
  assert.equal(posted, 1)
})

test('full disk - old rows that cannot be removed are left, and the scheduler lives', async (t) => {
  const rig = await openRig(t)
  const job_id = await rig.create({})
  await rig.call('run', { job_id })
  rig.now += 400 * 86_400_000
  const makeRoom = fill(rig, 'DELETE ON runs')
  rig.start()
  await makeRoom()
})

test('full disk - a status that cannot be written down is written when there is room', async (t) => {
  const rig = await openRig(t)
  const go = join(rig.home, 'go')
  const job_id = await rig.create({ command: `until [ -e ${go} ]; do sleep 0.05; done; exit 3` })
  const { run_id } = await rig.call('run', { job_id, wait_ms: 0 })
  const folder = join(rig.home, 'cron', `${run_id}.1`)
  await eventually(() => existsSync(join(folder, 'pid')))
  // No file can be made where a folder is.
  mkdirSync(join(folder, 'exit.new'))
  writeFileSync(go, '')
  await eventually(() => existsSync(join(folder, 'out.done')) && existsSync(join(folder, 'err.done')))
  // It has tried: it sleeps until the next time.
  const runner = readFileSync(join(folder, 'runner'), 'utf8').trim()
  const isAsleep = (line: string): boolean => new RegExp(`^\\s*${runner}\\s+\\S*sleep$`).test(line)
  await eventually(() => execFileSync('ps', ['-A', '-o', 'ppid=,comm='], { encoding: 'utf8' }).split('\n').some(isAsleep))
  assert.deepEqual(rig.states(job_id), ['running'])
  rmdirSync(join(folder, 'exit.new'))
  assert.equal((await rig.settled(run_id)).exit_code, 3)
})

test('full disk - a command whose runner could not write its number down has not been started', async (t) => {
  const root = tempDir(t)
  const shell = new Shell({ root, env: {}, log: pino({ level: 'silent' }), at: () => undefined })
  atEnd(t, () => shell.close())
  mkdirSync(join(root, 'a.1'))
  writeFileSync(join(root, 'a.1', 'runner'), '')
  const plan = { name: 'a.1', timeout_ms: 3_600_000, stopped: new AbortController().signal }
  const outcome = await shell.takeUp(plan, bootId(), 31_000)
  assert.deepEqual([outcome?.state, outcome?.reason], ['failed', 'It could not be started: the shell that runs it never came'])
})

test('full disk - a run that could not begin for it has failed and is told, and its job is not disabled', async (t) => {
  const full = () => Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
  const rig = await openRig(t, {
    at: (point) => {
      if (point === 'folder_made') throw full()
    },
    sessions: {
      send: async () => {
        throw new ServiceError('low_disk', 'The disk is full')
      },
    },
  })
  for (const job_type of ['shell', 'claude']) {
    const delivery = { kind: 'webhook', url: 'http://127.0.0.1:9/' }
    const job_id = await rig.create({ job_type, disable_after: 1, delivery })
    const { run_id } = await rig.call('run', { job_id, wait_ms: 0 })
    const run = await rig.settled(run_id)
    assert.match(run.reason ?? '', /disk is full/i)
    const job = await rig.call('get', { job_id })
    assert.deepEqual([run.state, job.enabled, job.failures], ['failed', 1, 0], job_type)
    assert.ok(rig.deliveries().some((row) => row.run_id === run_id))
  }
})

test('full disk - a command that has ended in time ran, though its time is over before that can be written', async (t) => {
  const root = tempDir(t)
  const name = 'a.1'
  const deps = { root, env: { PATH: process.env.PATH ?? '' }, log: pino({ level: 'silent' }) }
  const plan = { name, command: 'echo done', cwd: root, timeout_ms: 600_000, stopped: new AbortController().signal }
  const first = new Shell({ ...deps, at: (point) => point === 'folder_made' && mkdirSync(join(root, name, 'exit.new')) })
  atEnd(t, () => first.close())
  void first.start(plan)
  await eventually(() => existsSync(join(root, name, 'out.done')) && processesOf(name, null).length === 0)
  first.close()
  const second = new Shell({ ...deps, at: () => undefined })
  atEnd(t, () => second.close())
  const taken = second.takeUp(plan, bootId(), 700_000)
  const looked = performance.now() + 300
  await eventually(() => performance.now() > looked)
  rmdirSync(join(root, name, 'exit.new'))
  const outcome = await taken
  assert.deepEqual([outcome?.state, outcome?.reason, outcome?.result], ['ran', null, 'done\n'])
})
