import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertAccessible, openBrowser, openPage, PHONE } from '../browser.ts'
import { checkLeaks, eventually } from '../harness.ts'
import { fileScope, openPanelHouse, visit } from './house.ts'

const file = fileScope()
checkLeaks()
const house = await openPanelHouse(file)
const browser = await openBrowser(file)

test('panel settings - what could be better is said with what to do, and what is well can be seen', async (t) => {
  const { page, faults } = await openPage(t, browser)
  await visit(page, house, '#/settings')
  const doctor = page.getByRole('region', { name: 'How everything is' })
  await doctor.getByText('The demo agent answers; it is no model').waitFor()
  await doctor.getByText(/run “claude” once to log in/).waitFor()
  await doctor.getByText(/more are well/).click()
  await doctor.getByRole('listitem').filter({ hasText: 'scheduler' }).getByText('well', { exact: true }).waitFor()
  await page.getByText('npx switchboard doctor').waitFor()
  await assertAccessible(page, 'settings')
  assert.deepEqual(faults, [])
})

test('panel settings - a service that is down is wrong and comes first; a job that fails leads to its page', async (t) => {
  const evil = '<img src=x onerror=alert(1)>'
  const job = { name: evil, cron_expression: '0 0 1 1 *', command: 'exit 1' }
  const { id } = (await house.post('/api/cron', job)) as { id: number }
  await house.post(`/api/cron/${id}/run`, {})
  await house.kill('memory')
  const { page, faults } = await openPage(t, browser, { ...PHONE, colorScheme: 'dark' })
  await visit(page, house, '#/settings')
  const doctor = page.getByRole('region', { name: 'How everything is' })
  const first = doctor.getByRole('listitem').first()
  await eventually(async () => /wrong.*memory/s.test(await first.innerText()), { timeout_ms: 25_000 })
  assert.match(await first.innerText(), /npm run restart -- memory/)
  await assertAccessible(page, 'settings, phone, dark')
  await house.start('memory')
  await page.getByRole('button', { name: 'Look again' }).click()
  await eventually(async () => !/npm run restart -- memory/.test(await doctor.innerText()), { timeout_ms: 25_000 })
  await doctor.getByRole('listitem').filter({ hasText: evil }).getByRole('link').click()
  await page.getByRole('heading', { name: evil, level: 1 }).waitFor()
  assert.deepEqual(faults, [])
})
