/** `switchboard push-metrics`, from the metrics service over the wire to a deployed page's store. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, type TestContext, test } from 'node:test'
import type { Context } from '../../cli/command.ts'
import { pushMetrics } from '../../cli/push-metrics.ts'
import { ITEM_KEY, type Payload } from '../../protocol/dashboard.ts'
import type { AnyHandlers } from '../../protocol/wire/admission.ts'
import { openServer } from '../../protocol/wire/server.ts'
import { openHome } from '../../services/runtime/home.ts'
import { createLog } from '../../services/runtime/log.ts'
import { packageRoot } from '../../services/runtime/package-root.ts'
import { atEnd, checkLeaks, type Scope, tempDir } from '../harness.ts'
import { measured } from '../services/metrics/dashboard/measured.ts'
import { buildSite, openSite, SECRET } from './site.ts'

const file = { after } as unknown as Scope
const built = await buildSite(file)
checkLeaks()

const HOUR_MS = 3_600_000

/** A home with settings and, where wanted, a metrics service that answers. */
const openInstallation = async (t: TestContext, settings: string, isRunning = true) => {
  const home = openHome(path.join(tempDir(t), 'home'))
  writeFileSync(path.join(home.root, '.env'), settings)
  const handlers = {
    alerts: async () => ({ alerts: [] }),
    refresh: async () => ({ status: 'ok', timestamp: new Date().toISOString() }),
    current: async () => measured(),
    series: async ({ names }: { names: string }) => {
      // Of the hour in which one asks.
      const points = [1, 2, 3].map((ago) => ({ at: Math.floor(Date.now() / HOUR_MS - ago) * HOUR_MS, average: 10 * ago }))
      return {
        step: 'hour',
        series: names.split(',').map((name) => ({
          ...{ name, unit: '%' },
          points: points.map((point) => ({ ...point, min: 0, max: 100, last: 1, samples: 4 })),
        })),
      }
    },
  }
  if (isRunning) {
    const log = createLog({ service: 'test', level: 'silent' })
    const server = await openServer({
      run_dir: home.run,
      service: 'metrics',
      instance: 'i',
      log,
      handlers: handlers as unknown as AnyHandlers,
    })
    atEnd(t, () => server.close())
  }
  const lines: string[] = []
  const run = async (...args: string[]) => {
    lines.length = 0
    const context = {
      args,
      settings: { root: packageRoot(import.meta.url), home: home.root, run_dir: home.run },
      print: (line: string) => void lines.push(line),
    }
    const code = await pushMetrics.run(context as unknown as Context)
    return { code, said: lines.join('\n') }
  }
  return { run }
}

test('push-metrics - pushes once, says what happened, and the page has it', async (t) => {
  const site = await openSite(t, built)
  const { run } = await openInstallation(
    t,
    `DASHBOARD_PUSH_URL=${site.url}/api/push\nMETRICS_SECRET=${SECRET}\nDASHBOARD_TITLE=A box\n`,
  )
  assert.match(
    (await run('--status')).said,
    /Nothing was pushed yet\.\n0 of 8640 writes of this month are used\.\nNo names are shown\./,
  )
  const { code, said } = await run()
  assert.equal(code, 0, said)
  assert.match(
    said,
    /^Pushed to 127\.0\.0\.1:\d+: \d+ of 6000 bytes\. 1 of 8640 writes of this month are used\.\nThe page calls this current until /,
  )
  const kept = site.store.items.get(ITEM_KEY) as Payload
  assert.equal(kept.title, 'A box')
  assert.deepEqual(kept.system?.past?.cpu_percent.slice(-3), [30, 20, 10])
  const shown = (await (await fetch(`${site.url}/api/metrics`)).json()) as Payload
  assert.deepEqual(shown, kept)
  const status = await run('--status')
  assert.equal(status.code, 0)
  assert.match(status.said, /Pushed last at .* UTC; the next push is due by /)
})

test('push-metrics - says what is missing, what is wrong, and that nobody answers', async (t) => {
  const site = await openSite(t, built)
  const nothing = await openInstallation(t, '')
  const unset = await nothing.run()
  assert.deepEqual([unset.code, unset.said], [1, 'Nothing was pushed: DASHBOARD_PUSH_URL and METRICS_SECRET are not set.'])
  const wrong = await openInstallation(t, `DASHBOARD_PUSH_URL=${site.url}/api/push\nMETRICS_SECRET=another-secret-altogether\n`)
  const refused = await wrong.run()
  assert.equal(refused.code, 1)
  assert.match(refused.said, /Nothing was pushed: 127\.0\.0\.1:\d+ refuses the secret \(401\)/)
  assert.ok(!refused.said.includes('another-secret'))
  const down = await openInstallation(t, '', false)
  const silent = await down.run()
  assert.equal(silent.code, 1)
  assert.match(silent.said, /could not be read .*Is Switchboard running\? npm run status\n.*are not set/)
  assert.equal(site.store.items.size, 0)
})

test('push-metrics - the budget of the month holds by hand, too', async (t) => {
  const site = await openSite(t, built)
  const settings = `DASHBOARD_PUSH_URL=${site.url}/api/push\nMETRICS_SECRET=${SECRET}\nDASHBOARD_WRITES_PER_MONTH=1\n`
  const { run } = await openInstallation(t, settings)
  assert.equal((await run()).code, 0)
  const { code, said } = await run()
  assert.equal(code, 1)
  assert.match(said, /All 1 writes of this month are used up/)
  assert.equal(site.store.writes.length, 1)
})
