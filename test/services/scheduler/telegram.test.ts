/** A job's result on its whole way: HTTP, the edge, the scheduler, sessions and its outbox, Telegram. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startBotApi } from '../../fakes/bot-api.ts'
import { freePort } from '../../free-port.ts'
import { atEnd, checkLeaks, eventually, ready, startModule } from '../../harness.ts'
import { openHouse } from './house.ts'

checkLeaks()

const TOKEN = '123456:AAexampleexampleexampleexampleexampl'

test('telegram - the result of each run arrives once, though scheduler and sessions are killed meanwhile', async (t) => {
  const bot = await startBotApi()
  atEnd(t, () => bot.close())
  const house = await openHouse(t, ['history', 'sessions', 'scheduler'], { TELEGRAM_API_BASE: bot.url })
  const port = await freePort()
  const edge = startModule(t, 'gateway-edge/main.ts', { SWITCHBOARD_HOME: house.home, GATEWAY_PORT: String(port) })
  await ready(edge)
  const ask = async (method: string, path: string, body?: object) => {
    const response = await fetch(`http://127.0.0.1:${port}/api/cron${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    assert.ok(response.ok, `${method} ${path}: ${response.status}`)
    return (await response.json()) as { id: number; delivery: object }
  }
  const texts = (): string[] => bot.chat('77').map(({ text }) => text)
  const { id } = await ask('POST', '', {
    name: 'the clock',
    // Each run says something of its own.
    command: 'echo "result-$(date +%s%N)-end"',
    cron_expression: '* * * * * *',
    delivery: { kind: 'telegram', chat_id: '77', bot_token: TOKEN },
  })
  await eventually(() => texts().length >= 1, { timeout_ms: 30_000 })
  for (const name of ['sessions', 'scheduler'] as const) {
    await house.kill(name)
    await house.start(name)
    const before = texts().length
    await eventually(() => texts().length > before, { timeout_ms: 30_000 })
  }
  const job = await ask('PUT', `/${id}`, { enabled: false })
  assert.doesNotMatch(JSON.stringify(job), /AAexample/, 'the token is never shown')
  const results = () =>
    house
      .query<{ result: string }>("SELECT result FROM runs WHERE job_id = ? AND state = 'ran'", id)
      .map(({ result }) => result.trim())
  const open = () => house.query("SELECT 1 FROM runs WHERE state IN ('claimed', 'running')").length
  const pending = () => house.query("SELECT 1 FROM deliveries WHERE state = 'pending'").length
  await eventually(() => open() === 0 && pending() === 0, { timeout_ms: 60_000 })
  // What sessions has taken over it may still be sending. What a kill left in doubt comes again with a label that says so.
  const said = (labelled: boolean) =>
    bot.chat('77').flatMap((message) => (message.labelled === labelled ? (/result-\d+-end/.exec(message.text) ?? []) : []))
  const all = () => new Set([...said(false), ...said(true)])
  await eventually(() => all().size >= results().length, { timeout_ms: 60_000 })
  assert.deepEqual([...all()].sort(), results().sort())
  assert.equal(new Set(said(false)).size, said(false).length, 'without a label each came once')
  assert.ok(said(true).length <= 1, 'only the one that was under way when sessions was killed')
  assert.deepEqual([...bot.chats.keys()], ['77'])
})
