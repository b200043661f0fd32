/** Permissions in the panel, as a person meets them: an agent asks, somebody answers, here or in another window. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { assertAccessible, openBrowser, openPage, PHONE } from '../browser.ts'
import { checkLeaks, eventually } from '../harness.ts'
import { fileScope, openPanelHouse, visit } from './house.ts'

const file = fileScope()
checkLeaks()
const house = await openPanelHouse(file, { env: { CLAUDE_PERMISSION_MODE: 'ask' } })
const browser = await openBrowser(file)

interface Asked {
  readonly approval_id: string
  readonly state: string
  readonly note: string | null
}

const asked = async (chat: string): Promise<readonly Asked[]> =>
  ((await house.get(`/api/gateway/approvals?chat_id=${chat}`)) as { approvals: Asked[] }).approvals

/** Sends a message that nobody waits for; what is answered is looked for elsewhere. */
const send = (chat: string, message: string): Promise<unknown> =>
  house.post('/api/gateway/send', { chat_id: chat, message }).catch(() => undefined)

const card = (page: Page) => page.locator('approval-card')
const button = (page: Page, name: string) => card(page).getByRole('button', { name, exact: true })

const open = async (page: Page, chat: string, field = 'Write a message'): Promise<void> => {
  await visit(page, house, `#/chats/default/${chat}`)
  await page.getByLabel(field).waitFor()
}

/** A command that is not what it looks like: it turns the direction of writing and hides its end behind empty lines. */
const SLY = `echo good \u202e# doog\u200b${'\n'.repeat(40)}echo evil`

test('panel approvals - what waits is counted everywhere and leads to a card that hides nothing; allowed, the answer goes on', async (t) => {
  const sent = send('anna', `{{tool=Bash command=${JSON.stringify(SLY)} say="went on"}} go`)
  const { page, faults } = await openPage(t, browser)
  await visit(page, house)
  const waits = page.getByRole('region', { name: 'Waits for you' })
  await waits.getByRole('link', { name: /anna/ }).waitFor()
  await assertAccessible(page, 'overview with a permission')
  await page.getByRole('link', { name: 'Asks (1)' }).click()
  await card(page).getByText('Claude asks for permission').waitFor()
  assert.match(page.url(), /#\/chats\/default\/anna$/)
  const shown = await card(page).locator('revealed-text pre').first().innerText()
  assert.match(shown, /^echo good U\+202E# doogU\+200B⏎ × 40echo evil$/)
  await page.getByText('Waits for your answer …').waitFor()
  await assertAccessible(page, 'a permission')
  await button(page, 'Allow').focus()
  await page.keyboard.press('Enter')
  await page.getByText('went on', { exact: true }).waitFor()
  await card(page).waitFor({ state: 'detached' })
  await page.getByText('allowed', { exact: true }).waitFor()
  await page.getByRole('link', { name: /^Asks/ }).waitFor({ state: 'detached' })
  await sent
  assert.deepEqual(
    (await asked('anna')).map(({ state }) => state),
    ['allowed'],
  )
  assert.deepEqual(faults, [])
})

test('panel approvals - denied with a note, in one of two windows: the agent hears it, and the other window sees the outcome', async (t) => {
  const sent = send('bob', '{{tool=Bash command="rm -rf everything" say="well, no"}} go')
  const [one, other] = [await openPage(t, browser), await openPage(t, browser, { ...PHONE, colorScheme: 'dark' })]
  for (const { page } of [one, other]) await open(page, 'bob')
  await button(other.page, 'Deny').waitFor()
  await assertAccessible(other.page, 'a permission, phone, dark')
  await card(one.page)
    .getByLabel(/Why not/)
    .fill('not on a <b>Monday</b>')
  await button(one.page, 'Deny').click()
  for (const { page } of [one, other]) {
    await page.getByText('denied', { exact: true }).waitFor()
    await page.getByText('not on a <b>Monday</b>', { exact: true }).waitFor()
    await card(page).waitFor({ state: 'detached' })
  }
  await sent
  const tool = one.page.locator('chat-message details', { hasText: 'Bash' })
  await tool.locator('summary').click()
  await tool.getByText(/They say: not on a <b>Monday<\/b>/).waitFor()
  assert.deepEqual([one.faults, other.faults], [[], []])
})

test('panel approvals - allowed for the conversation: the same is not asked again, and what that allows was said before', async (t) => {
  const { page, faults } = await openPage(t, browser)
  await open(page, 'carl')
  const again = '{{tool=Bash command="echo again" say="done so"}} go'
  const first = send('carl', again)
  await card(page).getByText('Bash(echo again)').waitFor()
  await button(page, 'Allow for this conversation').click()
  await first
  await send('carl', again)
  await eventually(async () => (await page.getByText('done so', { exact: true }).count()) === 2)
  assert.equal((await asked('carl')).length, 1)
  assert.deepEqual(faults, [])
})

test('panel approvals - a question is answered with an option or in words of one’s own, over a restart of sessions and of the edge', async (t) => {
  const { page, faults } = await openPage(t, browser)
  await open(page, 'dora')
  const message = page.getByLabel('Write a message')
  await message.fill('{{tool=AskUserQuestion question="Tea or coffee?" choices="tea|coffee" say="thanks"}} go')
  await page.keyboard.press('Enter')
  await card(page).getByText('Tea or coffee?').waitFor()
  assert.equal(await button(page, 'Answer').isDisabled(), true)
  await Promise.all([house.kill('sessions'), house.kill('edge')])
  await page.getByText('The connection is lost').waitFor()
  await Promise.all([house.start('sessions'), house.start('edge')])
  await page.getByText('The connection is lost').waitFor({ state: 'hidden' })
  await card(page).getByRole('radio', { name: /^tea/ }).check()
  await card(page).getByLabel('Something else: Tea or coffee?').fill('milk')
  assert.equal(await card(page).getByRole('radio', { checked: true }).count(), 0)
  await card(page).getByText('coffee', { exact: true }).click()
  assert.equal(await card(page).getByLabel('Something else: Tea or coffee?').inputValue(), '')
  await assertAccessible(page, 'a question')
  await button(page, 'Answer').click()
  await page.getByText('thanks', { exact: true }).waitFor()
  const tool = page.locator('chat-message details', { hasText: 'AskUserQuestion' })
  await tool.locator('summary').click()
  await tool.getByText(/"Tea or coffee\?":"coffee"/).waitFor()
  assert.deepEqual(faults, [])
})

test('panel approvals - of a long input beginning and end are shown until all is asked for', async (t) => {
  const sent = send('emil', `{{tool=Bash command="echo begin ${'x'.repeat(3_000)} end" say="fine"}} go`)
  const { page, faults } = await openPage(t, browser)
  await open(page, 'emil')
  const shown = card(page).locator('revealed-text pre').first()
  await shown.getByText(/characters in between/).waitFor()
  assert.match(await shown.innerText(), /^echo begin x+\s+… 2,\d+ characters in between …\s+x+ end$/)
  await button(page, 'Show all (3,015 characters)').click()
  await eventually(async () => (await shown.innerText()).length === 3_015)
  await house.post('/api/gateway/interrupt', { chat_id: 'emil' })
  await card(page).waitFor({ state: 'detached' })
  await page.getByText('asked no more', { exact: true }).waitFor()
  await sent
  assert.deepEqual(faults, [])
})

test('panel approvals - a background task asks where the task is shown, too', async (t) => {
  const { task_id } = (await house.post('/api/tasks', {
    chat_id: 'fred',
    message: '{{tool=Bash command="echo from a task" say="task done"}} go',
  })) as { task_id: string }
  const { page, faults } = await openPage(t, browser, { locale: 'zh-CN' })
  await open(page, 'fred', '输入消息')
  await card(page).getByRole('link', { name: '来自后台任务' }).click()
  assert.ok(page.url().endsWith(`#/tasks/${task_id}`))
  await card(page).getByText('echo from a task', { exact: true }).waitFor()
  await button(page, '允许').click()
  await card(page).waitFor({ state: 'detached' })
  await page.getByText('task done', { exact: true }).waitFor()
  assert.deepEqual(
    (await asked('fred')).map(({ state }) => state),
    ['allowed'],
  )
  assert.deepEqual(faults, [])
})
