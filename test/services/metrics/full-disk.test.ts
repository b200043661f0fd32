/** Writes that fail as they do on a full disk: metrics lives, goes on measuring, and says what is wrong. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { pino } from 'pino'
import { CrashLoops } from '../../../services/metrics/crash-loop.ts'
import { openUsageStore } from '../../../services/metrics/usage/store.ts'
import { Usage } from '../../../services/metrics/usage/usage.ts'
import { diskFull, fillDisk, wasRefused } from '../../full-disk.ts'
import { atEnd, checkLeaks, eventually } from '../../harness.ts'
import { openMetricsDatabase, openRig, pongOf } from './rig.ts'
import { answerLine, openProjects } from './session-files.ts'

checkLeaks()

const fill = ({ root }: { readonly root: string }, writes: string) => fillDisk(join(root, 'db', 'metrics.db'), writes)

test('full disk - what a sample says is judged and told though it cannot be kept', async (t) => {
  const rig = openRig(t, { env: { GATEWAY_MIN_FREE_DISK_MB: '99000000' } })
  fill(rig, 'INSERT ON points')
  await rig.sampler.look()
  assert.ok(wasRefused(rig.lines))
  assert.deepEqual(
    rig.raised.map(({ kind, level }) => [kind, level]),
    [['disk_low', 'critical']],
  )
})

test('full disk - an alert that cannot be written down is in the log, and raised by a look when there is room', async (t) => {
  const rig = openRig(t, { env: { GATEWAY_MIN_FREE_DISK_MB: '99000000' } })
  const makeRoom = fill(rig, 'INSERT ON alerts')
  const seen = await rig.sampler.look()
  assert.notEqual(seen.system, null)
  assert.ok(rig.lines.some((line) => /below 99000000 MB no message is taken/.test(line)))
  makeRoom()
  await rig.sampler.look()
  assert.deepEqual(
    rig.raised.map(({ kind }) => kind),
    ['disk_low'],
  )
})

test('full disk - who answers is up, also where the end of an alert cannot be written down', async (t) => {
  const rig = openRig(t, { ping: async () => pongOf(), watched: ['sessions'] })
  rig.alerts.raise({ kind: 'service_down', subject: 'sessions', level: 'critical', message: 'sessions is not running' })
  const makeRoom = fill(rig, 'UPDATE OF cleared_at ON alerts')
  rig.start()
  await eventually(() => wasRefused(rig.lines))
  await rig.watchdog.looked
  assert.equal(rig.watchdog.read()[0]?.state, 'up')
  makeRoom()
  await rig.sampler.look()
  assert.deepEqual(rig.alerts.open, [])
})

test('full disk - usage is read on though what is too old cannot be let go of', async (t) => {
  const folder = join(openRig(t).root, 'usage')
  const db = openMetricsDatabase(t)
  const lines: string[] = []
  let now = Date.parse('2026-11-22T12:00:00.000Z')
  const usage = new Usage({
    ...{ config_dir: folder, store: openUsageStore(db), every_ms: 5, now: () => now },
    log: pino({}, { write: (line: string) => void lines.push(line) }),
  })
  atEnd(t, () => usage.close())
  const projects = openProjects(folder)
  projects.write('a/one.jsonl', [answerLine('one', '2026-11-21T10:00:00.000Z', { input: 1, output: 1 })])
  await usage.scan()
  const makeRoom = fillDisk(db.name, 'DELETE ON usage_seen')
  now += 500 * 86_400_000
  usage.start()
  await eventually(() => wasRefused(lines))
  projects.write('a/two.jsonl', [answerLine('two', '2028-04-05T10:00:00.000Z', { input: 1, output: 1 })])
  await eventually(() => usage.read().total_requests === 2)
  makeRoom()
})

test('full disk - a process that is started again and again is noticed, whoever comes before it', () => {
  const keepRestarts = (): never => {
    throw diskFull()
  }
  const loops = new CrashLoops({ restarts: 3, window_ms: 60_000 }, { restarts: () => [], keepRestarts })
  for (const restarts of [0, 3]) {
    const apps = [
      { name: 'edge', restarts: 0 },
      { name: 'history', restarts },
    ]
    assert.throws(() => loops.see(apps, restarts), /disk is full/)
  }
  assert.deepEqual(loops.looping(4), [{ name: 'history', restarts: 3 }])
})
