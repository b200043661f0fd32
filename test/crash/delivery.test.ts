/**
 * Results on their way to Telegram while Telegram misbehaves in every way it can, and sessions and all of PM2 are killed again
 * and again. What arrived is counted by the stand-in of Telegram.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TaskSummary } from '../../protocol/tasks.ts'
import { isAlive } from '../../services/runtime/process.ts'
import { type Behaviour, type BotApiFake, startBotApi } from '../fakes/bot-api.ts'
import { atEnd, checkLeaks, eventually } from '../harness.ts'
import { type House, openHouse } from './run/house.ts'
import { daemonPid, killAll, servicePid } from './run/orders.ts'
import { createRandom } from './run/random.ts'

checkLeaks()

const SEED = 5
const CHATS = 6
const TASKS_A_CHAT = 4
const KILLS = 12
/** Every fourth kill takes all of PM2. */
const ALL = 4
const TOKEN = '12345:secret-of-the-bot'

/** The message may have arrived, and we cannot know. */
const AMBIGUOUS: readonly Behaviour[] = ['reset_after', 'broken_json', 'reset_before', { status: 502, accepted: true }]
const CLEAR: readonly Behaviour[] = [{ status: 500 }, { status: 429, retry_after: 1 }]

interface Planned {
  readonly chat: string
  readonly label: string
  readonly tokens: number
}

/** Some results need several messages. */
const planned = (): Planned[] =>
  Array.from({ length: CHATS * TASKS_A_CHAT }, (_, n) => ({
    chat: String(1_000 + (n % CHATS)),
    label: `r${n}`,
    tokens: n % 3 === 0 ? 2_500 : 20,
  }))

const wordsOf = ({ label, tokens }: Planned): string[] => [label, ...Array.from({ length: tokens }, (_, index) => `t${index}`)]

const post = async (house: House, path: string, body: object): Promise<unknown> => {
  for (;;) {
    try {
      const response = await fetch(house.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': JSON.stringify(body).slice(-150) },
        body: JSON.stringify(body),
      })
      if (response.ok) return await response.json()
      if (response.status !== 503 && response.status !== 504) throw new Error(`${response.status} ${await response.text()}`)
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
    }
    await sleep(100)
  }
}

const listed = async (house: House): Promise<TaskSummary[]> => {
  const response = await fetch(`${house.url}/api/tasks?limit=500`).catch(() => null)
  if (!response?.ok) return []
  return ((await response.json()) as { tasks: TaskSummary[] }).tasks
}

const killSome = async (house: House, kill: number): Promise<void> => {
  const { files } = house
  const names = kill % ALL === ALL - 1 ? ['edge', 'history', 'sessions'] : ['sessions']
  const pids = [names.length > 1 ? daemonPid(files) : null, ...names.map((name) => servicePid(files, name))]
  killAll(pids.filter((pid) => pid !== null && isAlive(pid)) as number[])
  if (names.length > 1) await house.start()
  else await house.up()
}

/** What a chat shows of one result: its words, over all its messages. A labelled repeat stands for the message before it. */
const checkChat = (api: BotApiFake, chat: string, results: readonly Planned[]): { labelled: number } => {
  const received = api.chat(chat)
  const wanted = results.flatMap(wordsOf)
  const words: string[] = []
  let last: string[] = []
  let labelled = 0
  for (const message of received) {
    const text = message.labelled ? message.text.slice(message.text.indexOf('\n') + 1) : message.text
    const here = text.split(/\s+/).filter(Boolean)
    if (message.labelled) labelled += 1
    const isRepeat = message.labelled && here.join(' ') === last.join(' ')
    if (!isRepeat) words.push(...here)
    last = here
  }
  assert.equal(
    words.join(' '),
    wanted.join(' '),
    `chat ${chat} shows every result, whole and in order, and nothing twice unlabelled`,
  )
  return { labelled }
}

test('delivery - every result arrives whole and in order, whatever is killed and however Telegram answers', {
  timeout: 300_000,
}, async (t) => {
  const random = createRandom(SEED)
  let ambiguous = 0
  const script = (): Behaviour => {
    if (random.chance(0.12)) {
      ambiguous += 1
      return random.pick(AMBIGUOUS)
    }
    return random.chance(0.12) ? random.pick(CLEAR) : 'ok'
  }
  const api = await startBotApi({ script })
  atEnd(t, () => api.close())
  const house = await openHouse({
    ...{ broken: null, legacy: false },
    env: { TELEGRAM_API_BASE: api.url, GATEWAY_MAX_BACKGROUND_TASKS: '6', TELEGRAM_MAX_MESSAGES: '50' },
  })
  atEnd(t, () => house.close(false))
  await house.start()
  const plan = planned()
  const work = (async () => {
    for (const { chat, label, tokens } of plan) {
      // One after the other within a chat: results stand in the order in which they came to be.
      await eventually(async () => (await listed(house)).every((task) => task.chat_id !== chat || task.ended_at !== null), {
        timeout_ms: 120_000,
      })
      const message = `{{label=${label} tokens=${tokens}}} go`
      await post(house, '/api/tasks', { chat_id: chat, message, bot_token: TOKEN, project_id: label })
    }
  })()
  for (let kill = 0; kill < KILLS; kill += 1) {
    await sleep(300 + random.below(900))
    await killSome(house, kill)
  }
  await work
  const tasks = await eventually(
    async () => {
      const all = await listed(house)
      return all.length === plan.length && all.every((task) => task.state === 'done') ? all : null
    },
    { timeout_ms: 180_000 },
  )
  assert.equal(tasks.length, plan.length)
  let labelled = 0
  for (let chat = 0; chat < CHATS; chat += 1) {
    const id = String(1_000 + chat)
    labelled += checkChat(
      api,
      id,
      plan.filter((result) => result.chat === id),
    ).labelled
  }
  assert.ok(ambiguous > 0 && labelled > 0, 'something was in doubt')
  assert.ok(labelled <= ambiguous + KILLS * CHATS, `${labelled} labelled, ${ambiguous} ambiguous failures and ${KILLS} kills`)
  const { deliveries } = (await (await fetch(`${house.url}/api/deliveries?limit=200`)).json()) as {
    deliveries: { state: string; parts: { message_id: number | null; attempts: { outcome: string }[] }[] }[]
  }
  assert.ok(deliveries.every(({ state, parts }) => state === 'delivered' && parts.every((part) => part.message_id !== null)))
  // Each labelled message is explained by an attempt of which nobody knows whether it arrived.
  const unknown = deliveries
    .flatMap(({ parts }) => parts.flatMap(({ attempts }) => attempts))
    .filter(({ outcome }) => outcome === 'ambiguous')
  assert.ok(labelled <= unknown.length, `${labelled} labelled by ${unknown.length} ambiguous attempts`)
  assert.equal(JSON.stringify(deliveries).includes('secret-of-the-bot'), false)
  for (const name of ['edge', 'sessions', 'history']) assert.equal(house.log(name).includes('secret-of-the-bot'), false)
})
