/** Metrics in a whole Switchboard under a real PM2: who is put to sleep comes back, and what is exposed can be scraped. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { metrics } from '../../../protocol/metrics.ts'
import { openHouse } from '../../cli/house.ts'
import { checkLeaks, eventually } from '../../harness.ts'
import { readExposition } from './open-metrics.ts'

checkLeaks()

/** What the issue allows for a service to be back. */
const BACK_MS = 15_000

test('metrics house - whoever is put to sleep is back within 15 s, metrics itself among them', async (t) => {
  const house = await openHouse(t)
  const { code, output } = await house.run(['up'], { METRICS_SAMPLE_SECONDS: '2' })
  assert.equal(code, 0, output)
  const get = async (path: string): Promise<Response> => await fetch(house.url + path)
  const readyz = async (): Promise<number> => (await get('/readyz')).status
  assert.equal(await readyz(), 200)
  assert.ok((await house.send('hello')).length > 0)

  const scraped = await get('/metrics')
  assert.equal(scraped.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  await eventually(async () => {
    const { faults, series } = readExposition(await (await get('/metrics')).text())
    assert.deepEqual(faults, [])
    const up = series.filter(({ name, value }) => name === 'switchboard_process_up' && value === 1)
    return up.length === house.jlist().length
  })
  await eventually(async () => {
    const { processes, chat, system } = metrics.methods.current.output.parse(await (await get('/api/metrics')).json())
    const restarts = processes.services.map((service) => service.restarts)
    return chat?.message_count === 2 && system !== null && restarts.every((count) => count === 0) && processes.agents.length === 1
  })

  for (const name of ['history', 'metrics']) {
    const { pid } = house.listed(name)
    const began = performance.now()
    process.kill(pid, 'SIGSTOP')
    await eventually(async () => (await readyz()) === 503)
    await eventually(async () => (await readyz()) === 200, { timeout_ms: 30_000, every_ms: 50 })
    const took_ms = performance.now() - began
    t.diagnostic(`${name} was back after ${(took_ms / 1_000).toFixed(1)} s`)
    assert.ok(took_ms < BACK_MS, `${name}: ${Math.round(took_ms)} ms`)
    assert.notEqual(house.listed(name).pid, pid)
    const dumps = readdirSync(join(house.home, 'dumps')).filter((file) => file.startsWith(name))
    assert.equal(dumps.length, 1)
    assert.match(readFileSync(join(house.home, 'dumps', dumps[0] ?? ''), 'utf8'), new RegExp(`${name}, pid ${pid}`))
  }
  // What was raised is in the past, also for the next life of metrics.
  const { alerts } = (await (await get('/api/metrics/alerts?past=10')).json()) as {
    alerts: { kind: string; subject: string; cleared_at: number }[]
  }
  assert.deepEqual(
    alerts.map(({ kind, subject, cleared_at }) => [kind, subject, cleared_at > 0]),
    [['service_hangs', 'history', true]],
  )
  for (const name of ['edge', 'sessions', 'scheduler', 'memory']) assert.equal(house.listed(name).pm2_env.restart_time, 0, name)
})
