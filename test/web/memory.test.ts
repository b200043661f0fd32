import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { assertAccessible, openBrowser, openPage, PHONE } from '../browser.ts'
import { checkLeaks, eventually } from '../harness.ts'
import { fileScope, openPanelHouse, visit } from './house.ts'

const file = fileScope()
checkLeaks()
const house = await openPanelHouse(file, { env: { EMBEDDINGS: 'embedded' } })
const browser = await openBrowser(file)

interface Memory {
  readonly id: number
  readonly key: string
  readonly content: string
  readonly category: string
}
const kept = async (bot = 'default') => (await house.get(`/api/memory?bot_id=${bot}`)) as readonly Memory[]
const keep = async (key: string, content: string, more: object = {}) =>
  ((await house.post('/api/memory', { key, content, ...more })) as { id: number }).id
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })

test('panel memory - nothing yet says what a memory is; the first one is kept, changed and deleted', async (t) => {
  const { page, faults } = await openPage(t, browser)
  await visit(page, house, '#/memory')
  await page.getByRole('heading', { name: 'Nothing is kept in mind yet' }).waitFor()
  await assertAccessible(page, 'memory, empty')
  await button(page, 'New memory').first().click()
  await page.getByLabel('Key').fill('coffee')
  await page.getByLabel('Content').fill('Likes dark roast')
  await page.getByLabel('Category').last().fill('taste')
  await assertAccessible(page, 'memory editor')
  await button(page, 'Keep in mind').click()
  await page.getByRole('heading', { name: 'coffee', level: 3 }).waitFor()
  assert.deepEqual(
    (await kept()).map(({ key, content, category }) => [key, content, category]),
    [['coffee', 'Likes dark roast', 'taste']],
  )

  await button(page, 'New memory').click()
  await page.getByLabel('Key').fill('coffee')
  await page.getByLabel('Content').fill('Something else')
  await button(page, 'Keep in mind').click()
  await page.getByText('This bot keeps something under this key already.').waitFor()
  await button(page, 'Cancel').click()
  await button(page, 'Discard').click()

  await page.getByRole('link', { name: 'Edit “coffee”' }).click()
  await page.getByLabel('Content').fill('Likes light roast')
  await button(page, 'Save').click()
  await page.getByText('Likes light roast').waitFor()
  assert.equal((await kept())[0]?.content, 'Likes light roast')

  await button(page, 'Delete “coffee”').click()
  await button(page, 'Cancel').click()
  assert.equal((await kept()).length, 1)
  await button(page, 'Delete “coffee”').click()
  await page.locator('confirm-dialog').getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('heading', { name: 'Nothing is kept in mind yet' }).waitFor()
  assert.equal((await kept()).length, 0)
  assert.deepEqual(faults, [])
})

test('panel memory - search, category and bot stand in the link, and what changes elsewhere comes by itself', async (t) => {
  await keep('wifi_password', 'The router says tulip77', { category: 'home', bot_id: 'second' })
  await keep('plants', 'Water the ferns on Sundays', { category: 'garden', bot_id: 'second' })
  const { page } = await openPage(t, browser)
  await visit(page, house, '#/memory?bot=second')
  const keys = page.locator('memory-item h3')
  await eventually(async () => (await keys.count()) === 2)
  await page.getByRole('searchbox').fill('what is the wifi password')
  await eventually(async () => (await keys.first().innerText()) === 'wifi_password')
  await eventually(() => page.url().includes('q=what'))
  await page.reload()
  await eventually(async () => (await keys.first().innerText()) === 'wifi_password')
  await page.getByRole('searchbox').fill('')
  await page.getByLabel('Category').selectOption('garden')
  await eventually(async () => (await keys.allInnerTexts()).join() === 'plants')
  await keep('roses', 'Cut them in March', { category: 'garden', bot_id: 'second' })
  await eventually(async () => (await keys.allInnerTexts()).join() === 'roses,plants')
})

test('panel memory - what was exported can be imported, and a line that cannot is named', async (t) => {
  await keep('one', 'First', { bot_id: 'giver' })
  await keep('two', 'Second\nwith a line', { bot_id: 'giver' })
  const { page } = await openPage(t, browser)
  await visit(page, house, '#/memory?bot=giver')
  await page.getByRole('heading', { name: 'one', level: 3 }).waitFor()
  const [download] = await Promise.all([page.waitForEvent('download'), button(page, 'Export').click()])
  const taken = path.join(house.home, 'memories.jsonl')
  await download.saveAs(taken)
  const lines = readFileSync(taken, 'utf8').trim().split('\n')
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as Memory).key),
    ['one', 'two'],
  )

  writeFileSync(taken, `${lines.join('\n')}\nthis is no JSON\n`)
  await visit(page, house, '#/memory?bot=taker')
  await button(page, 'Import').click()
  await page.getByLabel('File').setInputFiles(taken)
  await page.locator('memory-import').getByRole('button', { name: 'Import' }).click()
  await page.getByText('2 new, 0 replaced, 0 were there already').waitFor()
  await page.getByText('Line 3').waitFor()
  await assertAccessible(page, 'memory import')
  await page.locator('memory-import').getByRole('button', { name: 'Close' }).last().click()
  await page.getByRole('heading', { name: 'two', level: 3 }).waitFor()
  assert.equal((await kept('taker')).find(({ key }) => key === 'two')?.content, 'Second\nwith a line')
})

test('panel memory - what is kept twice or almost is found, both sides are shown, and one can go', async (t) => {
  const bot_id = 'double'
  await keep('copy a', 'The very same words', { bot_id })
  await keep('copy b', 'The very same words', { bot_id })
  await keep('tea', 'She drinks green tea every morning', { bot_id })
  await keep('tea again', 'Every morning she drinks green tea', { bot_id })
  await eventually(async () => ((await house.get(`/api/memory/audit?bot_id=${bot_id}`)) as { near: unknown[] }).near.length > 0, {
    timeout_ms: 30_000,
    every_ms: 100,
  })
  const { page } = await openPage(t, browser)
  await visit(page, house, `#/memory/audit?bot=${bot_id}`)
  await button(page, 'Look through all').click()
  const same = page.getByRole('region', { name: 'The same twice' })
  await same.getByText('copy a · copy b').click()
  await same.locator('memory-item').nth(1).waitFor()
  await page.getByRole('region', { name: 'Much the same' }).getByText(/tea/).first().waitFor()
  await assertAccessible(page, 'memory audit')
  await button(page, 'Delete “copy b”').click()
  await page.locator('confirm-dialog').getByRole('button', { name: 'Delete' }).click()
  await same.getByText('deleted', { exact: true }).waitFor()
  assert.ok(!(await kept(bot_id)).some(({ key }) => key === 'copy b'))
})

test('panel memory - recall is switched on for a bot, and a budget that makes no sense is refused at its field', async (t) => {
  const { page } = await openPage(t, browser)
  await visit(page, house, '#/memory/model?bot=second')
  await page.getByRole('switch').check()
  const settings = async () =>
    (await house.get('/api/memory/recall?bot_id=second')) as { enabled: boolean; budget_tokens: number }
  await eventually(async () => (await settings()).enabled)
  await page.getByLabel('At most so many tokens').fill('0')
  await button(page, 'Save').click()
  await page.locator('#budget-fault').waitFor()
  await page.getByLabel('At most so many tokens').fill('800')
  await button(page, 'Save').click()
  await eventually(async () => (await settings()).budget_tokens === 800)
  await page.getByText('use-lite-en:512').waitFor()
  await assertAccessible(page, 'memory model')
})

test('panel memory - keys and contents are text, never a page', async (t) => {
  const evil = '<img src=x onerror=alert(1)><script>alert(2)</script>'
  await keep(evil, `${evil} [link](javascript:alert(3))`, { category: '<b onmouseover=alert(4)>', bot_id: 'evil' })
  const { page, faults } = await openPage(t, browser, { ...PHONE, colorScheme: 'dark', locale: 'zh-CN' })
  await visit(page, house, '#/memory?bot=evil')
  await page.getByRole('heading', { name: evil, level: 3 }).waitFor()
  await assertAccessible(page, 'memory, phone, dark')
  await page.getByRole('link', { name: `编辑“${evil}”` }).click()
  await page.getByRole('heading', { name: `编辑“${evil}”` }).waitFor()
  await assertAccessible(page, 'memory editor, phone, dark')
  assert.deepEqual(faults, [])
})
