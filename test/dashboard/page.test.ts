/** The page in a real browser: from a push to a number that somebody reads. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { after, test } from 'node:test'
import type { Page } from 'playwright-core'
import { packageRoot } from '../../services/runtime/package-root.ts'
import { assertAccessible, openBrowser, openPage, PHONE } from '../browser.ts'
import { checkLeaks, type Scope } from '../harness.ts'
import { enormous, measured, PRIVATE } from '../services/metrics/dashboard/measured.ts'
import { buildSite, openSite } from './site.ts'

const file = { after } as unknown as Scope
const built = await buildSite(file)
const browser = await openBrowser(file)
checkLeaks()

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const past = async () => ({
  until_at: Date.now(),
  cpu_percent: Array.from({ length: 24 }, (_, hour) => (hour === 5 ? null : (hour * 7) % 60)),
  memory_percent: Array.from({ length: 24 }, () => 55),
})

const figureOf = (page: Page, card: string, label: string) =>
  page.locator(`#${card} .figure`, { has: page.getByText(label, { exact: true }) }).locator('dd')

const widthOf = (page: Page): Promise<number> => page.evaluate<number>('document.documentElement.scrollWidth')

test('dashboard page - its types hold, with the browser in them', () => {
  const root = packageRoot(import.meta.url)
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc')
  execFileSync(process.execPath, [tsc, '-p', path.join(root, 'dashboard'), '--noEmit', '--incremental', 'false'], {
    stdio: 'pipe',
  })
})

test('dashboard page - what is built is small, has no script inside the page, and needs no package', () => {
  const page = readFileSync(path.join(built, 'static/index.html'), 'utf8')
  assert.doesNotMatch(page, /<script(?![^>]*\bsrc=)|<style|\son\w+=|style=|https?:\/\//)
  const assets = readdirSync(path.join(built, 'static/assets'))
  const bytes = assets.reduce((sum, name) => sum + readFileSync(path.join(built, 'static/assets', name)).byteLength, 0)
  assert.ok(bytes < 80_000, `${bytes} bytes`)
  for (const name of ['push', 'metrics']) {
    const text = readFileSync(path.join(built, `functions/api/${name}.func/index.mjs`), 'utf8')
    const imports = [...text.matchAll(/^import .*?from ["']([^"']+)["']|\bimport\(["']([^"']+)["']\)/gm)].map(
      ([, one, two]) => one ?? two,
    )
    assert.deepEqual(
      imports.filter((specifier) => !specifier?.startsWith('node:')),
      [],
      name,
    )
  }
})

test('dashboard page - waits for the first push, shows it, and follows the next one by itself', async (t) => {
  const site = await openSite(t, built)
  const { page, faults } = await openPage(t, browser)
  const asked: string[] = []
  page.on('request', (request) => asked.push(request.url()))
  await page.clock.install({ time: Date.now() })
  await page.goto(site.url)
  await page.getByRole('heading', { name: 'Waiting for the first numbers' }).waitFor()
  await assertAccessible(page, 'waiting')

  assert.ok((await site.push(measured(), { past })).ok)
  await page.clock.fastForward(MINUTE_MS)
  await figureOf(page, 'claude', 'requests').waitFor()
  assert.equal(await figureOf(page, 'claude', 'requests').textContent(), '23,500')
  assert.equal(await figureOf(page, 'memory', 'memories').textContent(), '42')
  assert.equal(await figureOf(page, 'chat', 'messages').textContent(), '1.23M')
  assert.equal(await page.locator('#system .gauge').first().locator('dd strong').textContent(), '35 %')
  assert.equal(await page.locator('#jobs li').count(), 3)
  assert.equal(await page.locator('#activity .bars title').last().textContent(), '22 Nov: 177 messages in 6 conversations')
  await page.getByText(/^Live ·/).waitFor()
  await page.getByText('1 of 8,640 updates used this month.').waitFor()

  const later = measured()
  later.claude_usage.total_requests = 99
  assert.ok((await site.push(later)).ok)
  await page.clock.fastForward(MINUTE_MS)
  await page.locator('#claude').getByText('99', { exact: true }).waitFor()
  assert.deepEqual(faults, [])
  assert.deepEqual(
    asked.filter((url) => !url.startsWith(site.url)),
    [],
    'nobody else is asked',
  )
})

test('dashboard page - shows nothing private, and names only where the owner says so', async (t) => {
  const site = await openSite(t, built)
  const { page } = await openPage(t, browser)
  await site.push()
  await page.goto(site.url)
  await page.locator('#jobs li').first().waitFor()
  const shown = `${await page.content()} ${await (await fetch(`${site.url}/api/metrics`)).text()}`
  for (const word of PRIVATE) assert.ok(!shown.includes(word), word)
  await site.push(measured(), { show: ['job_names', 'memory_categories'] })
  await page.reload()
  await page.locator('#jobs').getByText('Morning paper for Alice').waitFor()
  await page.locator('#memory').getByText('diary-of-alice').waitFor()
})

test('dashboard page - names are text, whatever they hold', async (t) => {
  const site = await openSite(t, built)
  const { page, faults } = await openPage(t, browser)
  const evil = measured()
  evil.cron_jobs[0]!.name = '<img src=x onerror=alert(1)><b>bold'
  await site.push(evil, { show: ['job_names'], title: '<script>alert(1)</script>' })
  await page.goto(site.url)
  await page.getByRole('heading', { name: '<script>alert(1)</script>' }).waitFor()
  await page.getByText('<img src=x onerror=alert(1)><b>bold').waitFor()
  assert.deepEqual(faults, [])
})

test('dashboard page - calls the numbers stale only when a push was due and has not come', async (t) => {
  const site = await openSite(t, built)
  const { page, faults } = await openPage(t, browser, { colorScheme: 'light' })
  // The promise of a push with a slow pace: hours away.
  await site.push(measured(), { past })
  const promised = (site.store.items.get('metrics_current') as { next_push_by: number }).next_push_by
  await page.clock.install({ time: Date.now() })
  await page.goto(site.url)
  await page.getByText('Live · just now').waitFor()
  await page.clock.setFixedTime(promised)
  await page.reload()
  await page.getByText('Live · 40 min ago').waitFor()
  assert.equal(await page.locator('.banner').count(), 0)
  await page.clock.setFixedTime(promised + 3 * HOUR_MS)
  await page.reload()
  await page.getByText('Stale · 4 h ago').waitFor()
  await page
    .locator('.banner')
    .getByText(/were due by .* and have not come/)
    .waitFor()
  assert.equal(await page.getByText('services running').count(), 0, 'what was well then may not be now')
  await assertAccessible(page, 'stale, light')
  await page.emulateMedia({ colorScheme: 'dark' })
  await assertAccessible(page, 'stale, dark')
  assert.deepEqual(faults, [])
})

test('dashboard page - says why there is nothing, tries again, and keeps old numbers through a failure', async (t) => {
  const site = await openSite(t, built)
  const { page, faults } = await openPage(t, browser)
  site.store.reading = { status: 500 }
  await page.clock.install({ time: Date.now() })
  await page.goto(site.url)
  await page.getByRole('heading', { name: 'The numbers could not be loaded' }).waitFor()
  await page.getByText(/The server answered 502: metrics fetch failed/).waitFor()
  await assertAccessible(page, 'failed')
  site.store.reading = 'ok'
  await site.push()
  await page.getByRole('button', { name: 'Try now' }).click()
  await figureOf(page, 'claude', 'requests').waitFor()
  site.store.reading = { status: 500 }
  await page.clock.fastForward(MINUTE_MS)
  await page.getByText(/These numbers were loaded before/).waitFor()
  assert.equal(await figureOf(page, 'claude', 'requests').textContent(), '23,500')
  site.store.reading = 'ok'
  await page.clock.fastForward(MINUTE_MS)
  await page.getByText(/These numbers were loaded before/).waitFor({ state: 'detached' })
  assert.deepEqual(faults, [])
})

const looks = [
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['tablet', { viewport: { width: 820, height: 1_100 }, colorScheme: 'light' }],
  ['phone', { ...PHONE, colorScheme: 'dark' }],
] as const
for (const [look, options] of looks) {
  test(`dashboard page - is accessible and fits, ${look}: an ordinary day, everything at once, and nothing at all`, async (t) => {
    const site = await openSite(t, built)
    const { page, faults } = await openPage(t, browser, options)
    const width = page.viewportSize()?.width ?? 0
    for (const [day, input] of Object.entries({ ordinary: measured(), enormous: enormous(), nothing: {} })) {
      assert.ok((await site.push(input, { past, show: ['job_names', 'memory_categories'], title: day })).ok)
      await page.goto(site.url)
      await page.getByRole('heading', { name: day, exact: true }).waitFor()
      await assertAccessible(page, `${look}, ${day}`)
      assert.equal(await widthOf(page), width, `${day} is as wide as the screen`)
      const picture = await page.screenshot({ fullPage: true })
      assert.ok(picture.byteLength > 10_000)
    }
    assert.deepEqual(faults, [])
  })
}

test('dashboard page - light or dark is chosen by hand, with the keyboard too, and remembered', async (t) => {
  const site = await openSite(t, built)
  const { page } = await openPage(t, browser, { colorScheme: 'light' })
  await site.push()
  await page.goto(site.url)
  const paper = () => page.evaluate('getComputedStyle(document.documentElement).backgroundColor')
  const light = await paper()
  await page.getByRole('radio', { name: 'Auto' }).focus()
  await page.keyboard.press('ArrowRight')
  await page.keyboard.press('ArrowRight')
  assert.ok(await page.getByRole('radio', { name: 'Dark' }).isChecked())
  const dark = await paper()
  assert.notEqual(dark, light)
  await page.reload()
  await page.getByRole('radio', { name: 'Dark' }).waitFor()
  assert.equal(await paper(), dark)
})

test('dashboard page - asks nothing while nobody looks', async (t) => {
  const site = await openSite(t, built)
  const { page } = await openPage(t, browser)
  await site.push()
  await page.clock.install({ time: Date.now() })
  await page.goto(site.url)
  await figureOf(page, 'claude', 'requests').waitFor()
  const asked: string[] = []
  page.on('request', (request) => asked.push(request.url()))
  const look = (state: 'hidden' | 'visible') =>
    page.evaluate(`
      Object.defineProperty(document, 'visibilityState', { value: '${state}', configurable: true })
      document.dispatchEvent(new Event('visibilitychange'))`)
  await look('hidden')
  await page.clock.runFor(10 * MINUTE_MS)
  assert.deepEqual(asked, [])
  await Promise.all([page.waitForResponse(/api\/metrics/), look('visible')])
  await Promise.all([page.waitForResponse(/api\/metrics/), page.clock.fastForward(2 * MINUTE_MS)])
})
