import assert from 'node:assert/strict'
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { contract } from '../../../protocol/contract.ts'
import { ServiceError } from '../../../protocol/errors.ts'
import { metrics } from '../../../protocol/metrics.ts'
import { leastOf } from '../../fakes/minimal-service.ts'
import { checkLeaks, deferred, eventually, startModule } from '../../harness.ts'
import { CALL, fakePm2, NOBODY, openRig, pongOf } from './rig.ts'
import { answerLine, openProjects } from './session-files.ts'

checkLeaks()

/** Services that are there and know nothing. */
const EMPTY = Object.fromEntries(
  Object.entries(NOBODY).map(([service, methods]) => [
    service,
    Object.fromEntries(
      Object.keys(methods).map((verb) => {
        const { methods: specs } = contract[service as 'sessions']
        const least = leastOf(specs[verb as 'status'].output) as object
        return [verb, async () => (verb === 'ledger' ? { ...least, next_job_id: null } : least)]
      }),
    ),
  ]),
) as unknown as typeof NOBODY

test('metrics - answers in the shape of its contract, with every field of the predecessor', async (t) => {
  const { handlers, start } = openRig(t, { neighbours: EMPTY })
  start()
  const answer = metrics.methods.current.output.parse(await handlers.current({}, CALL))
  assert.deepEqual(answer.notes, [])
  for (const key of ['timestamp', 'cron_jobs', 'memory', 'chat', 'claude_usage', 'system', 'harness'] as const)
    assert.notEqual(answer[key], null, key)
  assert.ok((answer.system?.memory_total_gb ?? 0) > 0)
  assert.ok((answer.system?.disk_total_gb ?? 0) > 0)
  assert.equal(answer.system?.load_avg.length, 3)
  assert.deepEqual(
    answer.processes.services.map(({ service, state, pid }) => [service, state, pid]),
    [
      ['edge', 'up', process.pid],
      ['sessions', 'up', process.pid],
    ],
  )
  const [edge] = answer.processes.services
  assert.ok((edge?.rss_bytes ?? 0) > 10e6, 'this very process')
  assert.ok((edge?.uptime_ms ?? 0) > 0)
})

test('metrics - nobody else is there: what is known is told, with a note for each part that is not', async (t) => {
  const { handlers, start } = openRig(t)
  start()
  const answer = metrics.methods.current.output.parse(await handlers.current({}, CALL))
  assert.deepEqual([answer.cron_jobs, answer.memory, answer.chat, answer.harness], [null, null, null, null])
  assert.notEqual(answer.system, null)
  assert.notEqual(answer.claude_usage, null)
  assert.equal(answer.counts.running_turns, null)
  const parts = answer.notes.map(({ part }) => part).sort()
  assert.deepEqual(parts, ['chat', 'cron_jobs', 'harness', 'memories', 'memory', 'scheduler', 'sessions'])
})

test('metrics - a part that fails later is told as it was known last', async (t) => {
  let fails = false
  const list_sessions = async () => {
    if (fails) throw new Error('SQLITE_CORRUPT in a file of somebody')
    return [
      {
        session_id: 'gw-a-1',
        bot_id: 'a',
        started_at: '2026-01-01 00:00:00',
        last_message_at: '2026-01-02 00:00:00',
        message_count: 3,
      },
    ]
  }
  const { handlers, start } = openRig(t, { neighbours: { ...EMPTY, history: { list_sessions } } })
  start()
  const chat = (await handlers.current({}, CALL)).chat
  assert.deepEqual(chat, {
    ...{ session_count: 1, message_count: 3 },
    ...{ oldest_message: '2026-01-01 00:00:00', newest_message: '2026-01-02 00:00:00' },
  })
  fails = true
  assert.equal((await handlers.refresh({}, CALL)).status, 'ok')
  const later = await handlers.current({}, CALL)
  assert.deepEqual(later.chat, chat)
  assert.deepEqual(later.notes, [{ part: 'chat', problem: 'It cannot be read; the log of metrics says why' }])
})

test('metrics - a service that does not answer holds nobody up for long', async (t) => {
  const never = deferred<never>()
  const { handlers, start } = openRig(t, { neighbours: { ...EMPTY, history: { list_sessions: () => never.promise } } })
  start()
  const began = performance.now()
  const { chat, system } = await handlers.current({}, CALL)
  assert.ok(performance.now() - began < 9_000)
  assert.equal(chat, null)
  assert.notEqual(system, null)
  never.reject(new ServiceError('closing'))
})

test('metrics - refresh reads the session files anew, and series are kept from the first look on', async (t) => {
  const { handlers, start, root } = openRig(t, { neighbours: EMPTY })
  start()
  await handlers.refresh({}, CALL)
  openProjects(join(root, 'claude')).write('p/one.jsonl', [answerLine('one', new Date().toISOString())])
  await handlers.refresh({}, CALL)
  assert.equal((await handlers.current({}, CALL)).claude_usage?.total_requests, 1)
  const names = (await handlers.list_series({}, CALL)).map(({ name }) => name)
  for (const name of [
    'system.cpu_percent',
    'process.edge.rss_bytes',
    'process.edge.loop_lag_ms',
    'agents.count',
    'sessions.running_turns',
  ])
    assert.ok(names.includes(name), name)
  const { series } = await handlers.series({ names: 'process.edge.rss_bytes, unknown', step: 'day', limit: 10 }, CALL)
  assert.deepEqual(
    series.map(({ name, unit, points }) => [name, unit, points.length]),
    [
      ['process.edge.rss_bytes', 'bytes', 1],
      ['unknown', null, 0],
    ],
  )
  assert.ok((series[0]?.points[0]?.samples ?? 0) >= 2)
})

test('metrics - agents are those that live, and nobody else who has their number now', async (t) => {
  const { handlers, start, home } = openRig(t)
  const child = startModule(t, 'test/services/metrics/waiting-main.ts')
  const agent = (n: number, pid: number, exit?: string): void => {
    mkdirSync(join(home.agents, String(n)), { recursive: true })
    writeFileSync(join(home.agents, String(n), 'pid'), `${pid}\n`)
    if (exit !== undefined) writeFileSync(join(home.agents, String(n), 'exit'), exit)
  }
  agent(1, child.pid)
  agent(2, child.pid, '0\n')
  agent(3, 2 ** 22 - 1)
  agent(4, child.pid)
  // Written an hour before that process began: the number has gone to another.
  const before = Date.now() / 1_000 - 3_600
  utimesSync(join(home.agents, '4', 'pid'), before, before)
  mkdirSync(join(home.agents, '5'))
  start()
  await handlers.refresh({}, CALL)
  const { agents } = await handlers.processes({}, CALL)
  assert.deepEqual(
    agents.map(({ agent: n, pid }) => [n, pid]),
    [[1, child.pid]],
  )
  assert.ok((agents[0]?.rss_bytes ?? 0) > 1e6)
})

test('metrics - a service that is started again and again is said loudly, once, and it is over when it stays up', async (t) => {
  const app = { id: 3, name: 'sessions', pid: 1, status: 'online', restarts: 0, started_at: 1 }
  const { pm2, apps } = fakePm2([app])
  let instance = 0
  const ping = async () => pongOf({ instance: String(instance) })
  const { handlers, start, raised, cleared, lines } = openRig(t, { pm2, ping, env: { CRASH_LOOP_RESTARTS: '4' } })
  start()
  await handlers.refresh({}, CALL)
  const restart = async (): Promise<void> => {
    instance += 1
    apps[0] = { ...app, restarts: instance }
    await eventually(async () => {
      await handlers.refresh({}, CALL)
      return (await handlers.processes({}, CALL)).services[1]?.restarts === instance
    })
  }
  for (let count = 0; count < 3; count += 1) await restart()
  assert.deepEqual(raised, [])
  for (let count = 0; count < 3; count += 1) await restart()
  assert.deepEqual(
    raised.map(({ kind, subject, level }) => [kind, subject, level]),
    [['crash_loop', 'sessions', 'critical']],
  )
  assert.equal(lines.filter((line) => line.includes('"level":50') && line.includes('was started')).length, 1)
  const { alerts } = await handlers.alerts({ past: 0 }, CALL)
  assert.match(alerts[0]?.message ?? '', /sessions was started 6 times within 10 minutes/)
  // Added anew, PM2 counts from zero.
  apps[0] = { ...app, restarts: 0 }
  instance = 100
  await eventually(async () => {
    await handlers.refresh({}, CALL)
    return cleared.length === 1
  })
})

test('metrics - too little disk is critical, and over when there is enough', async (t) => {
  const first = openRig(t, { env: { GATEWAY_MIN_FREE_DISK_MB: '100000000' } })
  first.start()
  await first.handlers.refresh({}, CALL)
  assert.equal(first.raised.find(({ kind }) => kind === 'disk_low')?.level, 'critical')
  await first.close()
  // The next life finds the alert, and finds it over unless the disk is full indeed.
  const second = openRig(t, { home: first.root })
  second.start()
  await second.handlers.refresh({}, CALL)
  const { alerts } = await second.handlers.alerts({ past: 10 }, CALL)
  const open = alerts.find(({ kind, cleared_at }) => kind === 'disk_low' && cleared_at === null)
  assert.notEqual(open?.level, 'critical')
})
