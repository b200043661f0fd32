/** The frame of the panel, in a real browser at a running Switchboard: links, palette, languages, themes, loss and return of the edge. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { Browser } from 'playwright-core'
import { assertAccessible, openBrowser, openPage, PHONE } from '../browser.ts'
import { checkLeaks, eventually } from '../harness.ts'
import { answerInstead, fileScope, openPanelHouse, type PanelHouse, visit } from './house.ts'

const file = fileScope()
checkLeaks()

const TOKEN = 'correct-horse-battery-staple'
let house: PanelHouse
let browser: Browser

test('panel - opens at the overview, and every view has a link of its own', async (t) => {
  house = await openPanelHouse(file)
  browser = await openBrowser(file)
  const { page, faults } = await openPage(t, browser)
  await visit(page, house, '')
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
  const views = page.getByRole('navigation', { name: 'Views' })
  for (const link of await views.locator('li:visible > a').all()) {
    const title = (await link.getAttribute('title')) ?? ''
    await link.click()
    await page.getByRole('heading', { level: 1, name: title }).waitFor()
    assert.equal(await link.getAttribute('aria-current'), 'page')
    assert.equal(await page.title(), `${title} · Switchboard`)
    const address = page.url()
    await page.goto('about:blank')
    await page.goto(address)
    await page.getByRole('heading', { level: 1, name: title }).waitFor()
  }
  await page.goBack()
  await visit(page, house, '#/nowhere')
  await page.getByText('There is no such view').waitFor()
  assert.deepEqual(faults, [])
})

test('panel - the first load is small, comes from us alone, and its policy lets no script stand in the page', async (t) => {
  const { page, faults } = await openPage(t, browser)
  const requests: string[] = []
  page.on('request', (request) => requests.push(request.url()))
  const answer = await page.goto(`${house.url}/`)
  await page.getByRole('heading', { level: 1 }).waitFor()
  assert.deepEqual(
    requests.filter((url) => !url.startsWith(`${house.url}/`)),
    [],
  )
  const policy = answer?.headers()['content-security-policy'] ?? ''
  assert.match(policy, /script-src 'self';/)
  assert.match(policy, /frame-ancestors 'none'/)
  assert.match(policy, /require-trusted-types-for 'script'/)
  assert.doesNotMatch(policy, /unsafe/)
  const assets = requests.filter((url) => url.includes('/assets/'))
  const sizes = await Promise.all(assets.map(async (url) => gzipSync(Buffer.from(await (await fetch(url)).arrayBuffer())).length))
  const total = sizes.reduce((sum, size) => sum + size, 0)
  t.diagnostic(`${assets.length} files, ${total} bytes`)
  assert.ok(total < 120_000, `${total} bytes, gzip`)
  // A script that somehow got into the page does not run.
  const ran = await page.evaluate(`(() => {
    const script = document.createElement('script')
    try {
      script.textContent = 'globalThis.ran = true'
      document.body.append(script)
    } catch (error) {
      return String(error)
    }
    return globalThis.ran === true ? 'ran' : 'refused'
  })()`)
  assert.match(String(ran), /refused|TrustedScript/)
  assert.ok(faults.every((fault) => fault.startsWith('policy:')))
})

test('panel - everything of the frame can be reached by keyboard alone', async (t) => {
  const { page, faults } = await openPage(t, browser)
  await visit(page, house)
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  assert.equal(await page.evaluate('document.activeElement.shadowRoot.activeElement.id'), 'main')
  await page.keyboard.press('Control+k')
  const field = page.getByRole('combobox', { name: 'Search, go to, do' })
  await field.waitFor()
  await page.keyboard.type('chats')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { level: 1, name: 'Chats' }).waitFor()
  await page.keyboard.press('Control+k')
  await field.waitFor()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('ArrowUp')
  assert.equal(await page.locator('command-palette [aria-selected=true]').innerText(), 'Overview')
  await page.keyboard.press('Escape')
  await field.waitFor({ state: 'hidden' })
  assert.deepEqual(faults, [])
})

test('panel - speaks Chinese where the browser does, changes at once, and remembers both language and theme', async (t) => {
  const { page, faults } = await openPage(t, browser, { locale: 'zh-CN' })
  await visit(page, house)
  await page.getByRole('heading', { level: 1, name: '概览' }).waitFor()
  assert.equal(await page.locator('html').getAttribute('lang'), 'zh-CN')
  await page.getByLabel('语言').first().selectOption('en')
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
  await page.getByLabel('Theme').first().selectOption('dark')
  await page.reload()
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
  assert.equal(await page.evaluate('getComputedStyle(document.body).backgroundColor'), 'rgb(15, 18, 23)')
  assert.deepEqual(faults, [])
})

test('panel - the overview shows each service, what is being answered and what comes next', async (t) => {
  await house.post('/api/cron', { name: '<b>Nightly</b>', cron_expression: '0 3 * * *', command: 'true' })
  const { page, faults } = await openPage(t, browser)
  await visit(page, house)
  for (const name of ['edge', 'sessions', 'history', 'scheduler', 'memory'])
    await page.getByRole('row', { name: new RegExp(`^${name} up`) }).waitFor()
  await page.getByText('Nothing is being answered').waitFor()
  await page.getByText('<b>Nightly</b>').waitFor()
  await house.post('/api/tasks', { chat_id: 'held', message: '{{hang}} work' }).catch(() => undefined)
  const sent = fetch(`${house.url}/api/gateway/send`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ chat_id: 'slow', message: '{{hang}} <i>slow</i>' }),
  }).catch(() => undefined)
  const going = page.getByRole('region', { name: 'Going on now' })
  await going.getByRole('link', { name: /slow .*<i>slow<\/i>/ }).waitFor()
  await house.post('/api/gateway/interrupt', { chat_id: 'slow' })
  await sent
  await going.getByRole('link', { name: /slow/ }).waitFor({ state: 'detached' })
  assert.deepEqual(faults, [])
})

test('panel - axe finds nothing wrong in either theme, on a desk and on a phone', async (t) => {
  for (const options of [{ colorScheme: 'light' }, { ...PHONE, colorScheme: 'dark' }] as const) {
    const { page, faults } = await openPage(t, browser, options)
    await visit(page, house)
    await page.getByRole('row', { name: /^edge up/ }).waitFor()
    await assertAccessible(page, `overview ${options.colorScheme}`)
    await page.keyboard.press('Control+k')
    await page.locator('command-palette [aria-selected=true]').waitFor()
    await assertAccessible(page, `palette ${options.colorScheme}`)
    assert.deepEqual(faults, [])
  }
})

test('panel - says when a service is down, and when it is up again', async (t) => {
  const { page } = await openPage(t, browser)
  await visit(page, house)
  await page.getByText('does not answer').or(page.getByText('Everything is running')).first().waitFor()
  await house.kill('memory')
  await page.getByRole('row', { name: /^memory (down|silent)/ }).waitFor()
  await house.start('memory')
  await page.getByRole('row', { name: /^memory up/ }).waitFor()
})

test('panel - the edge is killed and comes back: it says so, and catches up without a reload', async (t) => {
  const { page, faults } = await openPage(t, browser)
  await visit(page, house, '#/chats')
  await page.getByRole('heading', { level: 1, name: 'Chats' }).waitFor()
  await page.evaluate(() => Object.assign(globalThis, { sameDocument: true }))
  await house.kill('edge')
  await page.getByText('The connection is lost').waitFor()
  await assertAccessible(page, 'reconnecting')
  await house.start('edge')
  await page.getByText('Connected again').waitFor()
  await house.post('/api/gateway/send', { chat_id: 'after-the-kill', message: 'hello' })
  await page.getByRole('link', { name: /after-the-kill/ }).waitFor()
  assert.equal(await page.evaluate(() => (globalThis as { sameDocument?: boolean }).sameDocument), true)
  assert.deepEqual(faults, [])
})

test('panel - what cannot be read anew after a loss stays, says beside it how old it is, and catches up by itself', async (t) => {
  await house.post('/api/cron', { name: 'Known before', cron_expression: '0 0 1 1 *', command: 'true' })
  const { page, faults } = await openPage(t, browser)
  await visit(page, house, '#/jobs')
  const list = page.locator('job-list')
  await list.getByRole('link', { name: 'Known before' }).waitFor()
  await page.evaluate(() => Object.assign(globalThis, { sameDocument: true }))
  await Promise.all([house.kill('edge'), house.kill('scheduler')])
  await page.getByText('The connection is lost').waitFor()
  await list.getByRole('link', { name: 'Known before' }).waitFor()
  await house.start('edge')
  const note = list.locator('stale-note')
  await note.getByText(/it is what was known .* A service is not running/).waitFor()
  await list.getByRole('link', { name: 'Known before' }).waitFor()
  await assertAccessible(page, 'stale')
  await house.start('scheduler')
  await house.post('/api/cron', { name: 'Made meanwhile', cron_expression: '0 0 1 1 *', command: 'true' })
  await note.waitFor({ state: 'detached' })
  await list.getByRole('link', { name: 'Made meanwhile' }).waitFor()
  assert.equal(await page.evaluate(() => (globalThis as { sameDocument?: boolean }).sameDocument), true)
  assert.deepEqual(faults, [])
})

test('panel - what could not be sent waits in its chat, and goes out once whether one stays or leaves', async (t) => {
  const { page, faults } = await openPage(t, browser)
  let refuse = true
  const keys: unknown[] = []
  await answerInstead(page, 'sessions.send', ({ idempotency_key }) => {
    keys.push(idempotency_key)
    return refuse ? { error: { code: -32000, message: 'Too little free disk', data: { code: 'low_disk' } } } : undefined
  })
  const field = page.getByLabel('Write a message')
  await visit(page, house, '#/chats/default/unsent')
  await field.fill('{{say="it came"}} please')
  await page.keyboard.press('Enter')
  await page.getByText('Not sent: Too little free disk').waitFor()
  await visit(page, house, '#/chats/default/other')
  await page.getByText('Nothing was said yet').waitFor()
  assert.equal(await page.getByText('Too little free disk').count(), 0)
  await visit(page, house, '#/chats/default/unsent')
  refuse = false
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.getByText('it came', { exact: true }).waitFor()
  await eventually(async () => (await page.locator('chat-message').count()) === 2)
  assert.deepEqual([keys.length, new Set(keys).size], [2, 1])

  // Written without a connection, and left: it goes out all the same when there is one.
  await house.kill('edge')
  await page.getByText('The connection is lost').waitFor()
  await field.fill('{{say="it came, too"}} and this')
  await page.keyboard.press('Enter')
  await page.getByText('Sending …').waitFor()
  await visit(page, house, '#/chats/default/other')
  await house.start('edge')
  await eventually(async () => JSON.stringify(await house.get('/api/chat/sessions/gw-default-unsent')).includes('it came, too'))
  await visit(page, house, '#/chats/default/unsent')
  await page.getByText('it came, too', { exact: true }).waitFor()
  assert.equal(await page.getByText('and this').count(), 1)
  assert.equal(await page.getByText('Sending …').count(), 0)
  assert.deepEqual(faults, [])
})

test('panel - an edge that hangs is noticed, and is not waited for without a word', async (t) => {
  const { page } = await openPage(t, browser)
  await visit(page, house, '#/chats')
  await page.getByRole('heading', { level: 1, name: 'Chats' }).waitFor()
  house.signal('edge', 'SIGSTOP')
  try {
    // Coming back to the window is a reason to look at once.
    await page.evaluate("window.dispatchEvent(new Event('online'))")
    await page.getByText('The connection is lost').waitFor()
  } finally {
    house.signal('edge', 'SIGCONT')
  }
  await page.getByText('The connection is lost').waitFor({ state: 'hidden' })
})

test('panel - a token is asked for once, kept as a cookie no script can read, and not asked for again while the edge knows the login', async (t) => {
  const guarded = await openPanelHouse(t, { token: TOKEN })
  const { page, faults } = await openPage(t, browser)
  await visit(page, guarded)
  const field = page.getByLabel('Token', { exact: true })
  await field.waitFor()
  await assertAccessible(page, 'login')
  await field.fill('wrong-wrong-wrong')
  await page.keyboard.press('Enter')
  await page.getByText('This token is wrong').waitFor()
  await field.fill(TOKEN)
  await page.keyboard.press('Enter')
  await page.getByRole('row', { name: /^edge up/ }).waitFor()
  const [cookie] = await page.context().cookies()
  assert.deepEqual([cookie?.httpOnly, cookie?.sameSite, cookie?.value.includes(TOKEN)], [true, 'Strict', false])
  const kept = String(await page.evaluate('JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }])'))
  assert.ok(!kept.includes(TOKEN) && !kept.includes(cookie?.value ?? TOKEN))
  await page.reload()
  await page.getByRole('row', { name: /^edge up/ }).waitFor()

  await page.goto(`${guarded.url}/#/chats/default/draft`)
  await page.getByLabel('Write a message').fill('not sent yet')
  const draft = async () => {
    await eventually(async () => (await page.getByText('The connection is lost').count()) === 0)
    return await page.getByLabel('Write a message').inputValue()
  }
  await guarded.kill('edge')
  await page.getByText('The connection is lost').waitFor()
  await guarded.start('edge')
  assert.equal(await draft(), 'not sent yet')
  assert.equal(await field.count(), 0)

  await guarded.kill('edge')
  rmSync(join(guarded.home, 'logins.json'))
  await guarded.start('edge')
  await field.waitFor()
  await field.fill(TOKEN)
  await page.keyboard.press('Enter')
  await field.waitFor({ state: 'detached' })
  assert.equal(await draft(), 'not sent yet')
  assert.deepEqual(faults, [])
})
