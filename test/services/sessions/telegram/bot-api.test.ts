import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { test } from 'node:test'
import { BotApi, type Outcome } from '../../../../services/sessions/telegram/bot-api.ts'
import { type Behaviour, type BotApiFakeOptions, startBotApi } from '../../../fakes/bot-api.ts'
import { freePort } from '../../../free-port.ts'
import { atEnd, checkLeaks, type Scope } from '../../../harness.ts'
import { keptBy } from '../../runtime/kept-by.ts'

checkLeaks()

const TOKEN = '12345:SECRET-token_of-bot'
const HELLO = { chat_id: '7', text: '<b>hello</b>', html: true }

const start = async (t: Scope, options: BotApiFakeOptions = {}, deadline_ms = 5_000) => {
  const fake = await startBotApi(options)
  atEnd(t, () => fake.close())
  return { fake, api: new BotApi({ base: fake.url, deadline_ms }) }
}

const tellsNoToken = (outcome: Outcome): void => assert.ok(!JSON.stringify(outcome).includes('SECRET'), JSON.stringify(outcome))

test('bot api - a message arrives as it was sent', async (t) => {
  const { fake, api } = await start(t)
  assert.deepEqual(await api.sendMessage(TOKEN, HELLO), { kind: 'sent', message_id: 1 })
  assert.deepEqual(await api.sendMessage(TOKEN, { chat_id: '-100', text: '<b>', html: false }), { kind: 'sent', message_id: 2 })
  assert.equal(fake.chat('7')[0]?.text, 'hello')
  assert.equal(fake.chat('7')[0]?.token, TOKEN)
  assert.equal(fake.chat('-100')[0]?.text, '<b>')
})

test('bot api - a name and a password in the address are sent as such, and told to nobody', async (t) => {
  let authorization: string | undefined
  let path: string | undefined
  const server = createHttpServer((request, response) => {
    authorization = request.headers.authorization
    path = request.url
    response.end(JSON.stringify({ ok: true, result: { message_id: 5 } }))
  }).listen(0, '127.0.0.1')
  atEnd(t, async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const api = new BotApi({ base: `http://me:hush%25@127.0.0.1:${port}/proxy/` })
  const outcomes = [
    await api.sendMessage(TOKEN, HELLO),
    await api.sendDocument(TOKEN, { chat_id: '7', caption: '', filename: 'a.md', contents: 'a' }),
  ]
  for (const outcome of outcomes) assert.deepEqual(outcome, { kind: 'sent', message_id: 5 })
  assert.equal(authorization, `Basic ${Buffer.from('me:hush%').toString('base64')}`)
  assert.equal(path, `/proxy/bot${TOKEN}/sendDocument`)
})

test('bot api - a file arrives as it was sent', async (t) => {
  const { fake, api } = await start(t)
  const contents = `# ü 中\r\n--boundary\n${'x'.repeat(3_000_000)}`
  const outcome = await api.sendDocument(TOKEN, { chat_id: '7', caption: 'begins', filename: 'result.md', contents })
  assert.deepEqual(outcome, { kind: 'sent', message_id: 1 })
  assert.deepEqual(fake.chat('7')[0]?.document, { filename: 'result.md', contents })
  assert.equal(fake.chat('7')[0]?.text, 'begins')
})

test('bot api - a refusal is told with what Telegram said, and never with the token', async (t) => {
  let behaviour: Behaviour = 'ok'
  const { api } = await start(t, { script: () => behaviour })
  const refusal = async (next: Behaviour, message = HELLO) => {
    behaviour = next
    const outcome = await api.sendMessage(TOKEN, message)
    tellsNoToken(outcome)
    return outcome
  }
  assert.deepEqual(await refusal({ status: 429, description: 'Too Many Requests', retry_after: 17 }), {
    kind: 'refused',
    status: 429,
    description: 'Too Many Requests',
    retry_after: 17,
  })
  assert.deepEqual(await refusal({ status: 401, description: `no ${TOKEN}` }), {
    kind: 'refused',
    status: 401,
    description: 'no <token>',
  })
  assert.equal((await refusal({ status: 500, description: 'Internal' })).kind, 'refused')
  const broken = await refusal('ok', { ...HELLO, text: '<b>' })
  assert.ok(broken.kind === 'refused' && broken.status === 400 && broken.description.includes("can't parse entities"))
})

test('bot api - what may have arrived is ambiguous', async (t) => {
  let behaviour: Behaviour = 'ok'
  const { fake, api } = await start(t, { script: () => behaviour }, 400)
  const cases: Behaviour[] = ['reset_after', 'hang_after', 'broken_json', { status: 502 }, { status: 504, accepted: true }]
  for (behaviour of cases) {
    const outcome = await api.sendMessage(TOKEN, HELLO)
    assert.equal(outcome.kind, 'ambiguous', JSON.stringify(behaviour))
    tellsNoToken(outcome)
  }
  assert.equal(fake.chat('7').length, 4)
})

test('bot api - a reset before the request was read is ambiguous: nobody can know', async (t) => {
  const { fake, api } = await start(t, { before: () => 'reset_before' })
  const outcome = await api.sendMessage(TOKEN, HELLO)
  assert.equal(outcome.kind, 'ambiguous')
  tellsNoToken(outcome)
  assert.equal(fake.calls.length, 0)
})

test('bot api - it is certain that nothing arrived where no connection came about', async () => {
  const refused = await new BotApi({ base: `http://127.0.0.1:${await freePort()}` }).sendMessage(TOKEN, HELLO)
  assert.deepEqual(refused, { kind: 'not_sent', reason: 'no connection came about (ECONNREFUSED)' })
  const unknown = await new BotApi({ base: 'http://nobody.invalid' }).sendMessage(TOKEN, HELLO)
  assert.equal(unknown.kind, 'not_sent', JSON.stringify(unknown))
  tellsNoToken(unknown)
})

test('bot api - a base that is no address is told without the token', async () => {
  tellsNoToken(await new BotApi({ base: 'http://a b' }).sendMessage(TOKEN, HELLO))
})

test('bot api - every call has a connection of its own', async (t) => {
  const { fake, api } = await start(t)
  await api.sendMessage(TOKEN, HELLO)
  // A connection that was kept open would be found dead now, and leave it open whether the message arrived.
  await fake.close()
  assert.equal((await api.sendMessage(TOKEN, HELLO)).kind, 'not_sent')
})

test('bot api - a call that is given up is ambiguous', async (t) => {
  const { api } = await start(t, { script: () => 'hang_after' }, 60_000)
  const giveUp = new AbortController()
  const outcome = api.sendMessage(TOKEN, HELLO, giveUp.signal)
  setTimeout(() => giveUp.abort(), 100)
  assert.deepEqual(await outcome, { kind: 'ambiguous', reason: 'the service ended while the answer was awaited' })
})

test('bot api - the signal of the service, which lives as long as the process, keeps nothing of a call', async (t) => {
  const { api } = await start(t)
  const ending = new AbortController()
  for (let call = 0; call < 3; call += 1) assert.equal((await api.sendMessage(TOKEN, HELLO, ending.signal)).kind, 'sent')
  assert.equal(keptBy(ending.signal), 0)
})

test('bot api - a redirect is not followed: another host must not be told the token', async (t) => {
  const { api } = await start(t, { script: () => ({ status: 302, description: 'Found' }) })
  assert.equal((await api.sendMessage(TOKEN, HELLO)).kind, 'refused')
})
