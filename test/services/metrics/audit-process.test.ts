/** A scheduler that has skipped due moments, found out by metrics in another process and told by the edge. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { freePort } from '../../free-port.ts'
import { checkLeaks, eventually, ready, startModule } from '../../harness.ts'
import { openHouse } from '../scheduler/house.ts'

checkLeaks()

const HOUR_MS = 3_600_000

test('audit - due moments without a row raise an alert and make /readyz fail', async (t) => {
  const house = await openHouse(t, ['scheduler'])
  const { id } = await house.scheduler.create({ name: 'job', command: 'true', cron_expression: '*/5 * * * *' })
  await house.kill('scheduler')
  // As if the job had been there for three hours, and the scheduler had passed over all that came due.
  const db = new Database(join(house.home, 'db', 'scheduler.db'))
  db.prepare('UPDATE schedules SET since_at = since_at - ?').run(3 * HOUR_MS)
  db.close()
  await house.start('scheduler')
  const port = await freePort()
  const env = { SWITCHBOARD_HOME: house.home, CLAUDE_CONFIG_DIR: join(house.home, 'claude'), GATEWAY_PORT: String(port) }
  for (const module of ['services/metrics/main.ts', 'gateway-edge/main.ts']) {
    const child = startModule(t, module, env)
    await ready(child)
  }
  const get = async (path: string) => await (await fetch(`http://127.0.0.1:${port}${path}`)).json()
  await eventually(async () => /audit gap: scheduler/.test(((await get('/readyz')) as { detail: string }).detail), {
    timeout_ms: 60_000,
  })
  const { alerts } = (await get('/api/metrics/alerts')) as { alerts: { kind: string; level: string; message: string }[] }
  const alert = alerts.find(({ kind }) => kind === 'audit_gap')
  assert.equal(alert?.level, 'critical')
  assert.match(alert?.message ?? '', new RegExp(`^\\d+ due moments of jobs have no row in the ledger, the first of job ${id}\\.`))
})
