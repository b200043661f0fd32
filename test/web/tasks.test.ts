import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { assertAccessible, openBrowser, openPage, PHONE } from '../browser.ts'
import { type Behaviour, startBotApi } from '../fakes/bot-api.ts'
import { atEnd, checkLeaks, eventually } from '../harness.ts'
import { fileScope, openPanelHouse, visit } from './house.ts'

const file = fileScope()
checkLeaks()
let behaviour: Behaviour = 'ok'
const telegram = await startBotApi({ script: () => behaviour })
atEnd(file, () => telegram.close())
const house = await openPanelHouse(file, { env: { TELEGRAM_API_BASE: telegram.url } })
const browser = await openBrowser(file)

const begin = async (chat_id: string, message: string, more: object = {}) =>
  ((await house.post('/api/tasks', { chat_id, message, ...more })) as { task_id: string }).task_id
const stateOf = async (task_id: string) => ((await house.get(`/api/tasks/${task_id}`)) as { state: string }).state
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })

/** Work that is planned in the folder of a chat; its tasks as `done/build`. */
const plan = (chat_id: string, project_name: string, tasks: readonly string[]): void => {
  const folder = path.join(house.home, 'work', 'default', chat_id, '.harness')
  mkdirSync(folder, { recursive: true })
  const listed = tasks.map((task, id) => ({ id: String(id), status: task.split('/')[0], phase: task.split('/')[1] }))
  writeFileSync(
    path.join(folder, 'tasks.json'),
    JSON.stringify({ metadata: { project_name, current_phase: 'build' }, tasks: listed }),
  )
}

test('panel tasks - none yet says what a task is; one is begun, followed live and cancelled', async (t) => {
  const { page, faults } = await openPage(t, browser)
  await visit(page, house, '#/tasks')
  await page.getByRole('heading', { name: 'No background tasks yet' }).waitFor()
  await assertAccessible(page, 'tasks, empty')
  await button(page, 'New task').first().click()
  await button(page, 'Begin').click()
  await page.locator('#message-fault').waitFor()
  await page.getByLabel('What is to be done').fill('{{tokens=6000 delay_ms=20}}')
  await page.getByLabel('Chat').fill('not/a chat')
  await button(page, 'Begin').click()
  await page.locator('#chat_id-fault').waitFor()
  await assertAccessible(page, 'task starter')
  await page.getByLabel('Chat').fill('41')
  await button(page, 'Begin').click()

  const work = page.getByRole('region', { name: 'What it is doing' })
  await work.getByText(/t1 t2 t3/).waitFor()
  const before = (await work.innerText()).length
  await eventually(async () => (await work.innerText()).length > before)
  await button(page, 'Cancel task').click()
  await button(page, 'Cancel').click()
  const task_id = page.url().split('/').at(-1) ?? ''
  assert.equal(await stateOf(task_id), 'running')
  await button(page, 'Cancel task').click()
  await page.locator('confirm-dialog').getByRole('button', { name: 'Cancel task' }).click()
  await page.getByText('cancelled', { exact: true }).first().waitFor()
  await eventually(async () => (await stateOf(task_id)) === 'cancelled')
  assert.deepEqual(faults, [])
})

test('panel tasks - the phases of a harness are bars that follow the work', async (t) => {
  plan('42', 'Shop', ['done/plan', 'done/plan', 'in_progress/build', 'pending/build', 'blocked/ship'])
  const task_id = await begin('42', '{{tokens=6000 delay_ms=20}}')
  const { page } = await openPage(t, browser)
  await visit(page, house, '#/tasks')
  await page.getByRole('progressbar', { name: 'Shop' }).waitFor()
  await page
    .getByRole('link', { name: /tokens=6000/ })
    .first()
    .click()
  const bar = (name: string) => page.getByRole('progressbar', { name, exact: true })
  await bar('plan').waitFor()
  const stands = async (name: string) => [
    await bar(name).getAttribute('aria-valuenow'),
    await bar(name).getAttribute('aria-valuemax'),
  ]
  assert.deepEqual(await Promise.all(['All phases', 'plan', 'build', 'ship'].map(stands)), [
    ['2', '5'],
    ['2', '2'],
    ['0', '2'],
    ['0', '1'],
  ])
  await assertAccessible(page, 'task with a harness')
  plan('42', 'Shop', ['done/plan', 'done/plan', 'done/build', 'pending/build', 'blocked/ship'])
  await eventually(async () => (await stands('build'))[0] === '1')
  await house.post(`/api/tasks/${task_id}/cancel`, {})
})

test('panel tasks - a delivery shows each try, and what Telegram said', async (t) => {
  behaviour = { status: 403, description: 'Forbidden: bot was blocked by the user' }
  const failed = await begin('43', 'Say it', { bot_token: '123:abc' })
  await eventually(async () => !['queued', 'running', 'delivering'].includes(await stateOf(failed)))
  behaviour = 'ok'
  const sent = await begin('44', 'Say it', { bot_token: '123:abc' })
  await eventually(async () => (await stateOf(sent)) === 'done')

  const { page } = await openPage(t, browser)
  await visit(page, house, `#/tasks/${failed}`)
  const delivery = page.getByRole('region', { name: 'Delivery to Telegram' })
  await delivery.locator('status-chip').getByText('failed').waitFor()
  await delivery.getByText('Message 1: failed').click()
  await delivery.getByText('403 · ').first().waitFor()
  await assertAccessible(page, 'task with a failed delivery')
  await visit(page, house, `#/tasks/${sent}`)
  await delivery.locator('status-chip').getByText('delivered').waitFor()
  await delivery.getByText('Message 1: sent').click()
  await delivery
    .getByText(/Telegram's number \d+/)
    .first()
    .waitFor()
  assert.ok(!(await page.content()).includes('123:abc'))
})

test('panel tasks - what was shown is caught up with after the edge was killed, without a reload', async (t) => {
  const { page } = await openPage(t, browser)
  await visit(page, house, '#/tasks')
  await page.locator('task-list li').first().waitFor()
  await house.kill('edge')
  await page.locator('connection-banner').getByText('The connection is lost').waitFor()
  await house.start('edge')
  const task_id = await begin('45', 'Begun meanwhile')
  await page.getByRole('link', { name: 'Begun meanwhile' }).waitFor()
  await eventually(async () => (await stateOf(task_id)) === 'done')
})

test('panel tasks - a message, a plan and a reason are text, never a page', async (t) => {
  const evil = '<img src=x onerror=alert(1)><script>alert(2)</script>'
  plan('46', evil, [`done/${evil}`, 'pending/build'])
  const task_id = await begin('46', `${evil} {{tokens=3000 delay_ms=20}}`)
  const { page, faults } = await openPage(t, browser, { ...PHONE, colorScheme: 'dark', locale: 'zh-CN' })
  await visit(page, house, '#/tasks')
  await page.getByRole('link', { name: evil }).waitFor()
  await assertAccessible(page, 'tasks, phone, dark')
  await visit(page, house, `#/tasks/${task_id}`)
  await page.getByRole('progressbar', { name: '<img src=x onerror=alert(1)><script>alert(2)<' }).waitFor()
  await assertAccessible(page, 'task, phone, dark')
  await house.post(`/api/tasks/${task_id}/cancel`, {})
  assert.deepEqual(faults, [])
})
