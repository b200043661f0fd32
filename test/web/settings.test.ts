import assert from 'node:assert/strict'
import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
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
  await eventually(async () => !/npm run restart -- memory/.test(await first.innerText()), { timeout_ms: 25_000 })
  await doctor.getByRole('listitem').filter({ hasText: evil }).getByRole('link').click()
  await page.getByRole('heading', { name: evil, level: 1 }).waitFor()
  assert.deepEqual(faults, [])
})

test('panel settings - the doctor of the command examines on demand: what it finds, when, what to do, and as text', async (t) => {
  const { page, faults } = await openPage(t, browser)
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await visit(page, house, '#/settings')
  const doctor = page.getByRole('region', { name: 'The doctor', exact: true })
  await doctor.getByText(/more are well/).click()
  await doctor.getByRole('listitem').filter({ hasText: 'Permissions' }).getByText('well', { exact: true }).waitFor()
  const settings = join(house.home, '.env')
  writeFileSync(settings, '')
  chmodSync(settings, 0o644)
  await doctor.getByRole('button', { name: 'Examine again' }).click()
  const open = doctor.getByRole('listitem').filter({ hasText: 'Permissions' })
  await open.getByText(/wrong|could be better/).waitFor()
  assert.match(await open.innerText(), /chmod/)
  await doctor.getByText(/It looked/).waitFor()
  await doctor.getByRole('button', { name: 'Copy as text' }).click()
  await page.getByText('Copied', { exact: true }).waitFor()
  const copied = String(await page.evaluate('navigator.clipboard.readText()'))
  assert.match(copied, /^switchboard doctor, 20.*\n/)
  assert.match(copied, /(WARN|FAIL) {2}permissions: .*\n +→ /)
  assert.match(copied, /ok {4}node: Node\.js/)
  await assertAccessible(page, 'doctor')
  rmSync(settings)
  await page.getByLabel('Language').last().selectOption('zh')
  await page.getByRole('button', { name: '再次诊断' }).click()
  const well = page.getByRole('region', { name: '诊断', exact: true }).getByRole('listitem').filter({ hasText: '权限' })
  await well.getByText('正常', { exact: true }).waitFor()
  assert.equal(await well.locator('span[lang]').getAttribute('lang'), 'en')
  assert.deepEqual(faults, [])
})
