import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { assertAccessible, openBrowser, openPage, PHONE } from '../browser.ts'
import { checkLeaks, eventually } from '../harness.ts'
import { fileScope, openPanelHouse, visit } from './house.ts'

const file = fileScope()
checkLeaks()
const house = await openPanelHouse(file)
const browser = await openBrowser(file)

const chart = (page: Page, name: string) => page.getByRole('region', { name, exact: true }).getByRole('img')
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })

/** An answer of a model, as the CLI writes it into its session files. */
const answer = (model: string, output_tokens: number): string =>
  `${JSON.stringify({
    ...{ type: 'assistant', uuid: crypto.randomUUID(), sessionId: 's1', requestId: 'req_1', timestamp: new Date().toISOString() },
    message: { id: 'msg_1', model, usage: { input_tokens: 10, output_tokens } },
  })}\n`

test('panel metrics - charts of the machine and the processes are drawn, over the span that stands in the link', async (t) => {
  const { page, faults } = await openPage(t, browser)
  await visit(page, house, '#/metrics')
  await eventually(async () => /Memory \d+/.test((await chart(page, 'Machine, Hour').getAttribute('aria-label')) ?? ''))
  await page.locator('series-chart canvas').first().waitFor()
  const processes = chart(page, 'Processes, Hour')
  await eventually(async () => /sessions [\d.]+ MB/.test((await processes.getAttribute('aria-label')) ?? ''))
  await page.locator('series-chart segment-control').getByText('Lateness').click()
  await eventually(async () => /sessions [\d.]+ ms/.test((await processes.getAttribute('aria-label')) ?? ''))
  await page.getByText('Week', { exact: true }).click()
  await chart(page, 'Machine, Week').waitFor()
  assert.match(page.url(), /span=week/)
  assert.match(page.url(), /what=lag/)
  await page.reload()
  await chart(page, 'Processes, Week').waitFor()
  await assertAccessible(page, 'metrics')
  assert.deepEqual(faults, [])
})

test('panel metrics - each process and each agent has a row; one that dies turns red with what to do, and recovers', async (t) => {
  await house.post('/api/tasks', { chat_id: '1', message: '{{tokens=4000 delay_ms=20}}' })
  const { page } = await openPage(t, browser)
  await visit(page, house, '#/metrics')
  const row = (name: string) => page.getByRole('row', { name: new RegExp(`^${name} `) })
  await row('scheduler').getByText('up', { exact: true }).waitFor()
  await row('Agent \\d+').first().waitFor()
  const each = chart(page, 'Each agent, Hour')
  await eventually(async () => /Agent \d+ [\d.]+ MB/.test((await each.getAttribute('aria-label')) ?? ''))
  await page.locator('series-chart[heading="Each agent"] segment-control').getByText('Processor').click()
  await eventually(async () => /Agent \d+ [\d.]+ %/.test((await each.getAttribute('aria-label')) ?? ''))
  assert.match(page.url(), /agents=cpu/)
  await house.kill('scheduler')
  await row('scheduler').getByText('down', { exact: true }).waitFor()
  await page
    .getByRole('region', { name: 'What is wrong' })
    .getByText(/scheduler is not running/)
    .waitFor({ timeout: 20_000 })
  await house.start('scheduler')
  await row('scheduler').getByText('up', { exact: true }).waitFor()
  await page.getByText(/What was wrong/).waitFor()
})

test('panel metrics - tokens of Claude by model after a look by hand, and a name is text, never a page', async (t) => {
  const { page, faults } = await openPage(t, browser, { ...PHONE, colorScheme: 'dark' })
  await visit(page, house, '#/metrics')
  await page.getByRole('heading', { name: 'Claude has left no files here yet' }).waitFor()
  const evil = '<img src=x onerror=alert(1)>'
  const folder = path.join(house.home, 'claude', 'projects', 'one')
  mkdirSync(folder, { recursive: true })
  writeFileSync(path.join(folder, 's1.jsonl'), answer(evil, 4_321))
  await button(page, 'Look now').click()
  await page.getByRole('rowheader', { name: evil }).waitFor()
  await page.getByText('4.3K').first().waitFor()
  await assertAccessible(page, 'metrics, phone, dark')
  assert.deepEqual(faults, [])
})

test('panel metrics - while metrics is away what was known stays, and says that it is not fresh', async (t) => {
  const { page } = await openPage(t, browser)
  await page.clock.install()
  await visit(page, house, '#/metrics')
  await page.getByRole('row', { name: /^edge / }).waitFor()
  await house.kill('metrics')
  // The next look, and as long as an answer is waited for.
  await page.clock.fastForward(11_000)
  await page.clock.fastForward(7_000)
  await page.locator('process-tables stale-note').first().waitFor()
  await page.getByRole('row', { name: /^edge / }).waitFor()
  await house.start('metrics')
  // It looks again when metrics tells of a sample; somebody may be quicker.
  const gone = page.locator('process-tables stale-note').first().waitFor({ state: 'detached' })
  const again = page.locator('process-tables').getByRole('button', { name: 'Try again' }).first().click()
  await Promise.any([gone, again])
  await gone
})
