/** Chats, as a person uses them: read, write, watch an answer being written, stop it, search, and go far back. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { assertAccessible, openBrowser, openPage, PHONE } from '../browser.ts'
import { checkLeaks, eventually } from '../harness.ts'
import fc from '../property.ts'
import { ATTACKS, type StoreOptions, storeMessages } from './chat-messages.ts'
import { fileScope, openPanelHouse, type PanelHouse, visit } from './house.ts'

const file = fileScope()
checkLeaks()

let house: PanelHouse
let browser: Browser

const open = async (page: Page, chat: string, query = ''): Promise<void> => {
  await visit(page, house, `#/chats/default/${chat}${query}`)
  await page.getByLabel('Write a message').waitFor()
}

const say = async (page: Page, text: string): Promise<void> => {
  await page.getByLabel('Write a message').fill(text)
  await page.keyboard.press('Enter')
}

const answer = (text: string): string => `{{say=${JSON.stringify(text)}}}`

const store = (chat: string, count: number, textOf: (index: number) => string, more: StoreOptions = {}): Promise<void> =>
  storeMessages(house, chat, count, textOf, more)

const scrollerOf = (page: Page) => page.locator('virtual-list #scroller')
/** The text of an answer, or of all: it stands in a shadow root of its own. */
const answersOf = (page: Page) => page.locator('chat-message markdown-text #blocks')

test('chats - the first chat is begun from an empty panel, and the answer is shown as it is written', async (t) => {
  house = await openPanelHouse(file)
  browser = await openBrowser(file)
  const { page, faults } = await openPage(t, browser)
  await visit(page, house, '#/chats')
  await page.getByText('No chats yet').waitFor()
  await assertAccessible(page, 'no chats')
  await page.getByRole('button', { name: 'New chat' }).last().click()
  await page.getByLabel('Chat', { exact: true }).fill('../etc')
  await page.getByRole('button', { name: 'Open' }).last().click()
  await page.getByText('Only letters, digits').waitFor()
  await page.getByLabel('Chat', { exact: true }).fill('anna')
  await page.keyboard.press('Enter')
  await page.getByText('Nothing was said yet').waitFor()
  await say(page, '{{tokens=300 delay_ms=20}} count')
  const words = answersOf(page)
  await eventually(async () => /t3\b/.test(await words.innerText()))
  assert.doesNotMatch(await words.innerText(), /t299/)
  await page.getByRole('button', { name: 'Interrupt the answer' }).waitFor()
  await eventually(async () => /t299$/.test((await words.innerText()).trim()), { timeout_ms: 30_000 })
  await page.getByRole('button', { name: 'Interrupt the answer' }).waitFor({ state: 'detached' })
  assert.equal(await page.locator('chat-message').count(), 2)
  await page
    .getByRole('navigation', { name: 'Chats' })
    .getByRole('link', { name: /anna.*2 messages/ })
    .waitFor()
  assert.deepEqual(faults, [])
})

test('chats - what others say is followed, too: a message from elsewhere, and one that was being answered before', async (t) => {
  const { page, faults } = await openPage(t, browser)
  const sent = house.post('/api/gateway/send', { chat_id: 'bob', username: 'Bob', message: '{{tokens=100 delay_ms=25}} one' })
  await eventually(async () => ((await house.get('/api/gateway/turns')) as { turns: unknown[] }).turns.length === 1)
  await open(page, 'bob')
  await eventually(async () => /t9\b/.test(await answersOf(page).last().innerText()))
  await sent
  await house.post('/api/gateway/send', { chat_id: 'bob', username: 'Bob', message: `${answer('second answer')} two` })
  await page.getByText('second answer', { exact: true }).waitFor()
  await eventually(async () => (await page.locator('chat-message').count()) === 4)
  assert.equal(await page.getByText('Bob', { exact: true }).count(), 2)
  assert.deepEqual(faults, [])
})

test('chats - tools and thinking are one line each that opens, and stay when the answer is stored', async (t) => {
  const { page, faults } = await openPage(t, browser)
  await open(page, 'tools')
  await say(page, `{{tool=Bash command="echo from-the-tool" thinking="let me see" say="done now"}} go`)
  const tool = page.locator('chat-message details', { hasText: 'Bash' })
  await page.getByText('done now', { exact: true }).waitFor()
  await eventually(async () => (await page.locator('chat-message').count()) === 2)
  assert.equal(await tool.getByText('Result').isVisible(), false)
  await tool.locator('summary').click()
  await tool.getByText('from-the-tool').last().waitFor()
  await page.locator('details', { hasText: 'Thinking' }).locator('summary').click()
  await page.getByText('let me see').last().waitFor()
  await assertAccessible(page, 'tools')
  assert.deepEqual(faults, [])
})

test('chats - tools and thinking of an answer of the past are shown on demand, and that they are gone is said', async (t) => {
  const { page, faults } = await openPage(t, browser)
  await house.post('/api/gateway/send', {
    chat_id: 'past',
    message: '{{tool=Bash command="echo long-ago" thinking="it was so" say="an old answer"}} go',
  })
  await store('past', 2, (index) => ['an older question', 'of another program'][index] ?? '')
  await open(page, 'past')
  const answered = page.locator('chat-message', { hasText: 'an old answer', has: page.locator('markdown-text') })
  await answered.waitFor()
  // What came another way has no turn.
  assert.equal(await page.getByRole('button', { name: 'Tools and thinking' }).count(), 1)
  assert.equal(await page.locator('chat-message details').count(), 0)
  const ask = answered.getByRole('button', { name: 'Tools and thinking' })
  await ask.focus()
  await page.keyboard.press('Enter')
  await answered.locator('details', { hasText: 'Bash' }).locator('summary').click()
  await answered.getByText('long-ago').last().waitFor()
  await answered.locator('details', { hasText: 'Thinking' }).waitFor()
  assert.equal(await page.getByText('an old answer', { exact: true }).count(), 1)
  assert.equal(await ask.getAttribute('aria-expanded'), 'true')
  await assertAccessible(page, 'past tools')
  await ask.click()
  await answered.locator('details').first().waitFor({ state: 'detached' })
  const messages = (await house.get('/api/chat/sessions/gw-default-past')) as { id: number; turn_id: string | null }[]
  const turn_id = messages[0]?.turn_id ?? ''
  assert.deepEqual(
    messages.map((message) => message.turn_id),
    [turn_id, turn_id, null, null],
  )
  // As after a restore of history alone: nobody knows of that turn.
  await store('past', 4, (index) => `forgotten ${index}`, { turn_id: randomUUID(), record: 'forgotten' })
  const forgotten = page.locator('chat-message', { hasText: 'forgotten 3' })
  await forgotten.getByRole('button', { name: 'Tools and thinking' }).click()
  await forgotten.getByText('What was done for this answer is no longer kept.').waitFor()
  assert.deepEqual(faults, [])
})

test('chats - whatever a model, a person or a tool says is text: nothing of it runs, loads or looks like ours', async (t) => {
  const { page, faults } = await openPage(t, browser)
  const elsewhere: string[] = []
  page.on('request', (request) => {
    if (!request.url().startsWith(house.url)) elsewhere.push(request.url())
  })
  const text = ATTACKS.join('\n\n')
  await store('attack', 4, () => text)
  await open(page, 'attack')
  await page.getByText('tracker.example').first().waitFor()
  await say(
    page,
    `{{tool=Bash command=${JSON.stringify(`echo '${ATTACKS[0]}'`)} thinking=${JSON.stringify(ATTACKS[1])}}} ${ATTACKS[2]}`,
  )
  await page.locator('chat-message details', { hasText: 'Bash' }).locator('summary').click()
  await page.getByText('echo:').last().waitFor()
  const inside = page.locator('chat-message')
  for (const tag of [
    'img',
    'script',
    'iframe',
    'svg[onload]',
    'form',
    'style',
    'a[href^="javascript"]',
    'a[href^="data"]',
    '[onerror]',
  ])
    assert.equal(await inside.locator(tag).count(), 0, tag)
  for (const link of await inside.locator('a').all()) {
    assert.match((await link.getAttribute('rel')) ?? '', /noopener/)
    // Where it led somewhere else than the web it leads nowhere.
    assert.match((await link.getAttribute('href')) ?? 'https:', /^https:/)
  }
  // And shuffled: what is harmless piece by piece may not be in a row.
  const pieces = fc.constantFrom(
    ...ATTACKS,
    '`',
    '```',
    '\n\n',
    '<',
    '>',
    '"',
    "'",
    '](',
    '[',
    '|',
    '<!--',
    '-->',
    '<template>',
    '&lt;',
    '\\',
  )
  const shuffled = fc.sample(fc.array(pieces, { minLength: 2, maxLength: 14 }), { numRuns: 40, seed: 10 })
  await store('shuffled', 40, (index) => shuffled[index]?.join('') ?? '')
  await open(page, 'shuffled')
  for (let leap = 0; leap < 30; leap += 1) {
    for (const tag of ['img', 'script', 'iframe', 'style', 'template', 'math', 'details[ontoggle]', '[onload]', '[onmouseover]'])
      assert.equal(await inside.locator(`#blocks ${tag}`).count(), 0, tag)
    await scrollerOf(page).hover()
    await page.mouse.wheel(0, -700)
  }
  await visit(page, house, '#/chats?q=onerror')
  await page.getByText('found by').first().waitFor()
  assert.deepEqual([faults, elsewhere], [[], []])
})

test('chats - an answer is interrupted, and what was said so far stays', async (t) => {
  const { page, faults } = await openPage(t, browser)
  await open(page, 'carl')
  await say(page, '{{tokens=4000 delay_ms=10}} go on for long')
  await page.getByText(/t12\b/).waitFor()
  await page.getByRole('button', { name: 'Interrupt the answer' }).click()
  await page.getByRole('button', { name: 'Interrupt the answer' }).waitFor({ state: 'detached' })
  assert.match(await answersOf(page).last().innerText(), /t5/)
  await say(page, answer('and on it goes'))
  await page.getByText('and on it goes', { exact: true }).waitFor()
  assert.deepEqual(faults, [])
})

test('chats - forgetting a conversation asks first, and does nothing when the answer is no', async (t) => {
  const { page, faults } = await openPage(t, browser)
  await open(page, 'anna')
  const choose = async (item: string): Promise<void> => {
    await page.getByLabel('More for this chat').click()
    await page.getByRole('button', { name: item }).click()
  }
  const listed = async (): Promise<boolean> => {
    const sessions = (await house.get('/api/gateway/sessions')) as { chat_id: string }[]
    return sessions.some(({ chat_id }) => chat_id === 'anna')
  }
  await choose('Forget the conversation')
  await page.getByText('Forget the conversation of “anna”?').waitFor()
  await assertAccessible(page, 'question')
  await page.keyboard.press('Escape')
  await choose('End the session')
  await page.getByRole('button', { name: 'Cancel' }).click()
  assert.equal(await listed(), true)
  await choose('End the session')
  await page.getByRole('button', { name: 'End and delete files' }).click()
  await page.getByText('The session has ended').waitFor()
  assert.equal(await listed(), false)
  await choose('Forget the conversation')
  await page.getByRole('button', { name: 'Forget and delete files' }).click()
  await page.getByText('The conversation begins anew').waitFor()
  assert.deepEqual(faults, [])
})

test('chats - a search leads to the very message, however far back it lies', async (t) => {
  await store('archive', 1_500, (index) => (index === 3 ? 'The boat is called Albatross' : `Message number ${index} of many`))
  const { page, faults } = await openPage(t, browser)
  await visit(page, house, '#/chats')
  await page.getByLabel('Search messages by meaning').fill('Albatross')
  await page.getByRole('link', { name: /Albatross/ }).click()
  const found = page.locator('chat-message', { hasText: 'The boat is called Albatross' })
  await found.waitFor()
  await eventually(async () => {
    const [box, frame] = [await found.boundingBox(), await scrollerOf(page).boundingBox()]
    return box !== null && frame !== null && box.y > frame.y && box.y + box.height < frame.y + frame.height
  })
  await page.getByRole('button', { name: 'To the newest message' }).click()
  await page.locator('chat-message', { hasText: 'Message number 1499 of many' }).waitFor()
  assert.deepEqual(faults, [])
})

test('chats - ten thousand messages: few of them exist at a time, and scrolling through all stays smooth', async (t) => {
  await store('huge', 10_000, (index) => `**${index}** ${'lorem ipsum '.repeat(index % 40)}`)
  const { page, faults } = await openPage(t, browser)
  await open(page, 'huge')
  await page.getByText('9999', { exact: true }).waitFor()
  const frames = (await page.evaluate(`(async () => {
    const list = document.querySelector('app-shell').shadowRoot.querySelector('chats-view').shadowRoot.querySelector('chat-transcript').shadowRoot.querySelector('virtual-list').shadowRoot
    const scroller = list.querySelector('#scroller')
    scroller.dispatchEvent(new WheelEvent('wheel'))
    const gaps = []
    let most = 0
    let last = performance.now()
    const until = last + 25_000
    // As fast as a finger flicks, then in leaps to the very first.
    for (let still = 0; still < 30 && last < until; ) {
      const leaps = gaps.length > 200
      await new Promise(requestAnimationFrame)
      const now = performance.now()
      if (!leaps) gaps.push(now - last)
      last = now
      most = Math.max(most, list.querySelectorAll('chat-message').length)
      const before = scroller.scrollTop
      scroller.scrollTop -= leaps ? 40_000 : 500
      still = before === 0 && scroller.scrollTop === 0 ? still + 1 : 0
    }
    gaps.sort((one, other) => one - other)
    return { most, frames: gaps.length, p95: gaps[Math.floor(gaps.length * 0.95)] }
  })()`)) as { most: number; frames: number; p95: number }
  t.diagnostic(JSON.stringify(frames))
  await page.locator('chat-message').first().getByText('**0**').waitFor()
  assert.ok(frames.most < 120, `${frames.most} messages at once`)
  assert.ok(frames.p95 < 150, `95 of 100 frames took ${frames.p95} ms or less`)
  assert.deepEqual(faults, [])
})

test('chats - what one reads does not move while an answer is written below, nor when older messages come above', async (t) => {
  await store('steady', 400, (index) => `Line ${index}. ${'words '.repeat(index % 30)}`)
  const { page, faults } = await openPage(t, browser)
  await open(page, 'steady')
  await page.getByText(/^Line 399\b/).waitFor()
  const scroller = scrollerOf(page)
  await scroller.hover()
  await page.mouse.wheel(0, -1_500)
  await page.getByRole('button', { name: 'To the newest message' }).waitFor()
  const lines = await page.locator('chat-message .bubble').all()
  const tops = await Promise.all(lines.map(async (line) => (await line.boundingBox())?.y ?? 0))
  const seen = lines[tops.findIndex((top) => top > 200)]
  const name = ((await seen?.innerText()) ?? '').match(/Line \d+/)?.[0] ?? ''
  const mark = page.locator('chat-message', { hasText: `${name}.` })
  await eventually(async () => {
    const one = (await mark.boundingBox())?.y
    await page.evaluate('new Promise(requestAnimationFrame)')
    return one === (await mark.boundingBox())?.y
  })
  const before = (await mark.boundingBox())?.y ?? Number.NaN
  await house.post('/api/gateway/send', { chat_id: 'steady', message: '{{tokens=300 delay_ms=3}} more' })
  assert.ok(Math.abs(((await mark.boundingBox())?.y ?? Number.NaN) - before) <= 1)

  // And at the bottom the newest words stay in sight, however the answer grows.
  await page.getByRole('button', { name: 'To the newest message' }).click()
  await say(page, `{{say=${JSON.stringify('A paragraph.\n\n'.repeat(60))} delay_ms=20}} go`)
  await page.getByRole('button', { name: 'Interrupt the answer' }).waitFor()
  await page.getByRole('button', { name: 'Interrupt the answer' }).waitFor({ state: 'detached' })
  await eventually(async () => await page.evaluate(atBottom))
  assert.equal(await page.getByRole('button', { name: 'To the newest message' }).count(), 0)
  assert.deepEqual(faults, [])
})

const atBottom = `(() => {
  const { scrollHeight, scrollTop, clientHeight } = document.querySelector('app-shell').shadowRoot.querySelector('chats-view').shadowRoot.querySelector('chat-transcript').shadowRoot.querySelector('virtual-list').shadowRoot.querySelector('#scroller')
  return scrollHeight - scrollTop - clientHeight < 4
})()`

test('chats - the edge is killed in mid-answer: the rest follows, no word is lost or said twice', async (t) => {
  const { page, faults } = await openPage(t, browser)
  await open(page, 'kill')
  await say(page, '{{tokens=120 delay_ms=20}} count')
  await page.getByText(/t10\b/).waitFor()
  await house.kill('edge')
  await house.start('edge')
  const words = answersOf(page)
  await eventually(async () => /t119$/.test((await words.innerText()).trim()), { timeout_ms: 20_000 })
  assert.deepEqual(
    (await words.innerText()).trim().split(/\s+/),
    Array.from({ length: 120 }, (_, index) => `t${index}`),
  )
  assert.deepEqual(faults, [])
})

test('chats - sessions is killed in mid-answer, and a message sent without a connection arrives once', async (t) => {
  const { page, faults } = await openPage(t, browser)
  await open(page, 'kill2')
  await say(page, '{{tokens=150 delay_ms=20}} count')
  await page.getByText(/t9\b/).waitFor()
  await house.kill('sessions')
  await house.start('sessions')
  await page.getByText(/t149\b/).waitFor()
  await house.kill('edge')
  await page.getByText('The connection is lost').waitFor()
  await say(page, `${answer('heard once')} are you there?`)
  await page.getByText('Sending …').waitFor()
  await house.start('edge')
  await page.getByText('heard once', { exact: true }).waitFor()
  await eventually(async () => (await page.locator('chat-message').count()) === 4)
  const stored = (await house.get('/api/chat/sessions/gw-default-kill2')) as { content: string }[]
  assert.equal(stored.filter(({ content }) => content.includes('are you there?')).length, 1)
  assert.deepEqual(faults, [])
})

test('chats - axe finds nothing wrong in either theme, on a desk and on a phone', async (t) => {
  const markdown =
    '# A heading\n\nSome `code`, a [link](https://example.org) and\n\n```ts\nconst answer: number = 42 // why\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |'
  await store('pretty', 2, (index) => (index === 0 ? 'Show me' : markdown))
  for (const options of [{ colorScheme: 'light' }, { ...PHONE, colorScheme: 'dark' }] as const) {
    const { page, faults } = await openPage(t, browser, options)
    await open(page, 'pretty')
    await page.locator('.hljs-keyword').first().waitFor()
    await assertAccessible(page, `chat ${options.colorScheme}`)
    assert.deepEqual(faults, [])
  }
})

test('chats - when history is away the panel says so within seconds, and reads again by itself', async (t) => {
  await store('away', 2, (index) => `Message ${index}`)
  const { page, faults } = await openPage(t, browser)
  await visit(page, house, '#/chats')
  await page.getByRole('link', { name: /away/ }).waitFor()
  await house.kill('history')
  await page.getByRole('link', { name: /away/ }).click()
  const failed = page.locator('chat-transcript failed-state')
  const began = performance.now()
  await failed.getByText('A service is not running').waitFor()
  const took_ms = performance.now() - began
  t.diagnostic(`said after ${Math.round(took_ms)} ms`)
  // The edge itself waits ten seconds for a service that may be restarting.
  assert.ok(took_ms < 6_000, `${took_ms} ms`)
  await failed.getByRole('button', { name: 'Try again' }).waitFor()
  await assertAccessible(page, 'failed')
  await house.start('history')
  await page.getByText('Message 0').waitFor()
  assert.deepEqual(faults, [])
})
