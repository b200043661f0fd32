/** What a loss of power leaves, made by hand, one case at a time: what a run of losses (`npm run crash`) has found once. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { runnerMark, signalAll } from '../../services/runtime/marked-processes.ts'
import { processesOf } from '../../services/scheduler/shell/processes.ts'
import { checkLeaks, eventually } from '../harness.ts'
import { openHouse } from '../services/scheduler/house.ts'
import { openScriptedRig, sweep } from './rig.ts'

checkLeaks()

test('power loss - who has heard words that the disk has lost still hears the end, once', async (t) => {
  const rig = await openScriptedRig(t)
  const turnId = await rig.ask('{{label=words tokens=400 delay_ms=10}} go')
  let words = 0
  const heard = await rig.follow(turnId, { until: (event) => event.type === 'text' && ++words > 20 })
  await rig.kill('sessions')
  sweep(rig.home)
  const log = join(rig.agentFolder(), 'out')
  truncateSync(log, Math.floor(statSync(log).size / 2))
  rig.change(`UPDATE agents SET boot_id = 'another life of the machine'`)
  await rig.start('sessions')
  const rest = await rig.follow(turnId, { after: heard.at(-1)?.id ?? '' })
  assert.deepEqual(
    rest.map((event) => [event.type, event.type === 'end' ? event.state : '']),
    [['end', 'interrupted']],
  )
  assert.deepEqual(await rig.sessions.events({ turn_id: turnId, after: rest[0]?.id ?? '' }), { events: [], ended: true })
  assert.equal(rig.runs('{{label=words tokens=400 delay_ms=10}} go'), 1)
})

test('power loss - a command whose folder the disk has lost counts as begun and is not begun again', async (t) => {
  const house = await openHouse(t, [])
  const child = await house.start('scheduler')
  const journal = join(house.home, 'ran')
  const command = `echo begun >>${journal}; sleep 60`
  const { id } = await house.scheduler.create({ name: 'job', command, cron_expression: '0 0 1 1 *', retries: 0 })
  const { run_id } = await house.scheduler.run({ job_id: id, wait_ms: 0 })
  await eventually(() => existsSync(journal))
  await house.kill('scheduler')
  assert.equal(child.process.signalCode, 'SIGKILL')
  const [row] = house.query<{ folder: string }>('SELECT folder FROM runs')
  const folder = row?.folder ?? 'none'
  signalAll([...processesOf(folder, null), ...processesOf(runnerMark(folder), null)], 'SIGKILL')
  rmSync(join(house.home, 'cron', folder), { recursive: true, maxRetries: 5 })
  const db = new Database(join(house.home, 'db', 'scheduler.db'))
  db.prepare(`UPDATE runs SET boot_id = 'another life of the machine'`).run()
  db.close()
  await house.start('scheduler')
  const run = await house.scheduler.get_run({ run_id, wait_ms: 10_000 })
  assert.deepEqual([run.state, run.attempt], ['interrupted', 1], run.reason ?? '')
  assert.equal(readFileSync(journal, 'utf8'), 'begun\n')
})
