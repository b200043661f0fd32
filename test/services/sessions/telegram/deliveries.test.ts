import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Delivery } from '../../../../protocol/deliveries.ts'
import { LABEL } from '../../../../services/sessions/telegram/prepare.ts'
import type { Behaviour } from '../../../fakes/bot-api.ts'
import { atEnd, checkLeaks, deferred, eventually } from '../../../harness.ts'
import { long, openDeliveryHouse, scripted, startDeliveries, TOKEN } from './rig.ts'

checkLeaks()

test('deliveries - a text arrives formatted, with evidence', async (t) => {
  const ends: Delivery[] = []
  const { house, fake, ended } = await startDeliveries(t, {}, { onEnd: (delivery) => void ends.push(delivery) })
  house.send('d1', '7', '**Done** & `ok`')
  const delivery = await ended('d1')
  assert.equal(delivery.state, 'delivered')
  const [part] = delivery.parts
  assert.equal(part?.state, 'sent')
  assert.equal(part?.message_id, fake.chat('7')[0]?.message_id)
  assert.deepEqual(
    part?.attempts.map(({ n, form, labelled, outcome, status, message_id }) => ({
      n,
      form,
      labelled,
      outcome,
      status,
      message_id,
    })),
    [{ n: 1, form: 'html', labelled: false, outcome: 'sent', status: 200, message_id: part?.message_id }],
  )
  assert.equal(fake.chat('7')[0]?.text, 'Done & ok')
  assert.equal(fake.chat('7')[0]?.entities.length, 2)
  await eventually(() => ends.length === 1)
  assert.equal(ends[0]?.owner, 'task:d1')
  assert.equal(house.deliveries.isPending('task:d1'), false)
  assert.equal(house.deliveries.ofOwner('task:d1').length, 1)
})

test('deliveries - nothing is sent before the transaction is committed, and nothing of one that was rolled back', async (t) => {
  const { house, fake, ended } = await startDeliveries(t)
  const token_id = house.tokens.keep(TOKEN)
  const made = (id: string) =>
    house.deliveries.prepare({ delivery_id: id, owner: 'o', bot_id: 'b', chat_id: '7', token_id, text: id })
  assert.throws(
    house.db.transaction(() => {
      house.deliveries.add(made('rolled back'))
      throw new Error('rolled back')
    }),
    /rolled back/,
  )
  house.deliveries.poke()
  house.send('kept', '7', 'kept')
  await ended('kept')
  assert.equal(house.deliveries.get('rolled back'), null)
  assert.deepEqual(
    fake.calls.map((call) => call.text),
    ['kept'],
  )
})

test('deliveries - a repeated id changes nothing', async (t) => {
  const { house, texts, ended } = await startDeliveries(t)
  house.send('d1', '7', 'one')
  house.send('d1', '7', 'other')
  await ended('d1')
  house.send('d1', '7', 'other')
  house.send('d2', '7', 'two')
  await ended('d2')
  assert.deepEqual(texts('7'), ['one', 'two'])
})

test('deliveries - chunks and deliveries of a chat arrive in order, whatever happens in between', async (t) => {
  const plan: Record<string, Behaviour[]> = {
    A1: [{ status: 500 }, 'reset_before'],
    A2: [{ status: 429, retry_after: 0.2 }],
    B: [{ status: 500 }, { status: 502 }],
  }
  const { house, texts, ended } = await startDeliveries(t, { script: scripted(plan) })
  house.send('A', '7', long('A', 3))
  house.send('B', '7', 'B')
  house.send('C', '7', 'C')
  await ended('C')
  assert.deepEqual(
    texts('7').map((text) => text.replace(LABEL, '').split(' ')[0]),
    ['A0', 'A1', 'A2', 'B', 'C'],
  )
})

test('deliveries - one call at a time in a chat, while other chats go on', async (t) => {
  const held = deferred()
  const { house, fake, texts, ended } = await startDeliveries(t, {
    script: async (call): Promise<Behaviour> => {
      if (call.text === 'held') await held.promise
      return 'ok'
    },
  })
  house.send('a', '1', 'held')
  house.send('b', '1', 'behind')
  house.send('c', '2', 'elsewhere')
  await ended('c')
  await eventually(() => fake.calls.length === 2)
  assert.deepEqual(texts('1'), [])
  held.resolve()
  await ended('b')
  assert.deepEqual(texts('1'), ['held', 'behind'])
})

test('deliveries - HTML that is refused goes as plain text, once', async (t) => {
  const { house, fake, ended } = await startDeliveries(t, {
    script: (call) => (call.parse_mode === 'HTML' ? { status: 400, description: "Bad Request: can't parse entities" } : 'ok'),
  })
  house.send('d1', '7', '**a** [l](https://x.y) <b>')
  const delivery = await ended('d1')
  assert.equal(delivery.state, 'delivered')
  assert.deepEqual(
    delivery.parts[0]?.attempts.map(({ form, status }) => [form, status]),
    [
      ['html', 400],
      ['plain', 200],
    ],
  )
  assert.equal(fake.chat('7')[0]?.text, 'a l (https://x.y) <b>')
})

test('deliveries - what Telegram will never take fails with a reason, and the next goes on', async (t) => {
  const cases: (readonly [number, RegExp])[] = [
    [400, /Check that the chat exists/],
    [401, /may have been revoked/],
    [403, /Unblock the bot/],
    [404, /TELEGRAM_API_BASE/],
  ]
  const plan = Object.fromEntries(
    cases.map(([status]) => [
      `bad${status}`,
      [
        { status, description: 'said so' },
        { status, description: 'said so' },
      ],
    ]),
  )
  const { house, texts, ended } = await startDeliveries(t, { script: scripted(plan) })
  for (const [status, reason] of cases) {
    house.send(`d${status}`, '7', long(`bad${status}`, 2))
    const delivery = await ended(`d${status}`)
    assert.equal(delivery.state, 'failed')
    assert.match(delivery.reason ?? '', reason)
    assert.match(delivery.reason ?? '', new RegExp(`${status} said so`))
    assert.deepEqual(
      delivery.parts.map((part) => part.state),
      ['failed', 'cancelled'],
    )
    assert.equal(delivery.parts[0]?.attempts.length, status === 400 ? 2 : 1)
  }
  house.send('good', '7', 'good')
  await ended('good')
  assert.deepEqual(texts('7'), ['good'])
})

test('deliveries - a repeat that may be one too many says so, and only then', async (t) => {
  const plan: Record<string, Behaviour[]> = {
    'arrived twice': ['reset_after'],
    'hung up': ['hang_after'],
    unreadable: ['broken_json'],
    gateway: [{ status: 502 }, { status: 504, accepted: true }],
    refused: [{ status: 500 }, { status: 503 }],
  }
  const { house, texts, ended } = await startDeliveries(t, { script: scripted(plan) }, { deadline_ms: 3_000 })
  const names = Object.keys(plan)
  for (const name of names) house.send(name, `${names.indexOf(name)}`, name)
  for (const name of names) assert.equal((await ended(name)).state, 'delivered', name)
  const of = (name: string): string[] => texts(`${names.indexOf(name)}`)
  for (const name of ['arrived twice', 'hung up', 'unreadable']) assert.deepEqual(of(name), [name, LABEL + name])
  assert.deepEqual(of('gateway'), [`${LABEL}gateway`, `${LABEL}gateway`])
  assert.deepEqual(of('refused'), ['refused'])
})

test('deliveries - cancelling drops what was not sent yet, and keeps the evidence of the rest', async (t) => {
  const held = deferred()
  const { house, fake, texts, ended } = await startDeliveries(t, {
    script: async (call): Promise<Behaviour> => {
      if (call.text.includes('A1')) await held.promise
      return 'ok'
    },
  })
  house.send('A', '7', long('A', 4))
  await eventually(() => fake.calls.length === 2)
  assert.equal(house.deliveries.cancel('task:A'), 1)
  house.deliveries.poke()
  house.send('B', '7', 'B')
  held.resolve()
  await ended('B')
  assert.deepEqual(
    texts('7').map((text) => text.split(' ')[0]),
    ['A0', 'A1', 'B'],
  )
  const delivery = house.deliveries.get('A')
  assert.equal(delivery?.state, 'cancelled')
  assert.deepEqual(
    delivery?.parts.map((part) => part.state),
    ['sent', 'sent', 'cancelled', 'cancelled'],
  )
  assert.equal(house.deliveries.cancel('task:A'), 0)
})

test('deliveries - a long text goes as a file', async (t) => {
  const { house, fake, ended } = await startDeliveries(t, { script: scripted({ A0: ['reset_after'] }) }, { max_messages: 3 })
  const text = long('A', 5)
  house.send('A', '7', text)
  const delivery = await ended('A')
  assert.deepEqual(
    delivery.parts.map(({ kind, attempts }) => [kind, attempts.length]),
    [['document', 2]],
  )
  assert.deepEqual(
    fake.chat('7').map((message) => [message.document?.filename, message.document?.contents === text, message.labelled]),
    [
      ['result.md', true, false],
      ['result.md', true, true],
    ],
  )
})

test('deliveries - a token that is gone fails them with a reason', async (t) => {
  const { house, ended } = await startDeliveries(t)
  const made = house.deliveries.prepare({
    delivery_id: 'd',
    owner: 'o',
    bot_id: 'b',
    chat_id: '7',
    token_id: 'f'.repeat(24),
    text: 'x',
  })
  house.deliveries.add(made)
  house.deliveries.poke()
  const delivery = await ended('d')
  assert.equal(delivery.state, 'failed')
  assert.match(delivery.reason ?? '', /token of this bot is not kept/)
})

test('deliveries - the service may end while calls are under way', async (t) => {
  const { house, folder, fake, texts } = await startDeliveries(
    t,
    { script: scripted({ hung: ['hang_after'] }) },
    { deadline_ms: 60_000 },
  )
  house.send('a', '7', 'hung')
  house.send('b', '7', 'next')
  await eventually(() => texts('7').length === 1)
  const began = Date.now()
  await house.close()
  assert.ok(Date.now() - began < 5_000)
  const later = openDeliveryHouse({ folder, base: fake.url })
  atEnd(t, () => later.close())
  later.deliveries.recover()
  await eventually(() => later.deliveries.get('b')?.state === 'delivered')
  assert.deepEqual(texts('7'), ['hung', `${LABEL}hung`, 'next'])
})

test('deliveries - are listed newest first, filtered, page by page, and forgotten when they are old', async (t) => {
  const { house, ended } = await startDeliveries(t)
  for (const id of ['a', 'b', 'c', 'd']) house.send(id, id === 'b' ? '8' : '7', id)
  for (const id of ['a', 'b', 'c', 'd']) await ended(id)
  const ids = (list: Delivery[]): string[] => list.map((delivery) => delivery.delivery_id)
  assert.deepEqual(ids(house.deliveries.list({ limit: 2 })), ['d', 'c'])
  assert.deepEqual(ids(house.deliveries.list({ limit: 2, before: 'c' })), ['b', 'a'])
  assert.deepEqual(ids(house.deliveries.list({ limit: 9, chat_id: '8' })), ['b'])
  assert.deepEqual(ids(house.deliveries.list({ limit: 9, owner: 'task:a', state: 'delivered', bot_id: 'b' })), ['a'])
  assert.deepEqual(ids(house.deliveries.list({ limit: 9, state: 'failed' })), [])
  assert.equal(house.deliveries.forget(Date.now() - 60_000), 0)
  assert.equal(house.deliveries.forget(Date.now() + 1), 4)
  assert.equal(house.deliveries.get('a'), null)
})

test('deliveries - the token stands in no row, no log line and no answer', async (t) => {
  let lines = ''
  const plan: Record<string, Behaviour[]> = {
    one: ['reset_after', 'hang_after', { status: 401, description: `Unauthorized ${TOKEN}` }],
    two: ['broken_json', { status: 500, description: `/bot${TOKEN}/sendMessage` }],
  }
  const { house, folder, ended } = await startDeliveries(
    t,
    { script: scripted(plan) },
    { deadline_ms: 300, onLog: (line) => (lines += line) },
  )
  house.send('one', '1', 'one')
  house.send('two', '2', 'two')
  const told = JSON.stringify([await ended('one'), await ended('two')])
  await house.close()
  assert.ok(lines.includes('was not taken by Telegram'))
  const files = readdirSync(folder).filter((name) => name.startsWith('sessions.db'))
  assert.ok(files.length > 0)
  for (const text of [lines, told, ...files.map((name) => readFileSync(join(folder, name), 'latin1'))])
    assert.ok(!text.includes('SECRET'))
})
