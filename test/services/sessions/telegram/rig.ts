/** Real deliveries on a database of their own, with a stand-in of Telegram. */
import { join } from 'node:path'
import type { Delivery } from '../../../../protocol/deliveries.ts'
import { createLog } from '../../../../services/runtime/log.ts'
import { packageRoot } from '../../../../services/runtime/package-root.ts'
import { closeDatabase, openDatabase } from '../../../../services/runtime/sqlite.ts'
import { BotApi } from '../../../../services/sessions/telegram/bot-api.ts'
import { Deliveries, type DeliveryPoint } from '../../../../services/sessions/telegram/deliveries.ts'
import { openDeliveryStore } from '../../../../services/sessions/telegram/store.ts'
import { BotTokens } from '../../../../services/sessions/telegram/tokens.ts'
import type { Retrying } from '../../../../services/sessions/telegram/verdict.ts'
import { type Behaviour, type BotApiFakeOptions, type BotCall, startBotApi } from '../../../fakes/bot-api.ts'
import { atEnd, eventually, type Scope, tempDir } from '../../../harness.ts'

export const TOKEN = '12345:SECRET-token_of-bot'

export interface DeliveryHouseOptions {
  readonly folder: string
  readonly base: string
  readonly deadline_ms?: number
  readonly max_messages?: number
  readonly retrying?: Partial<Retrying>
  readonly at?: (point: DeliveryPoint) => void
  readonly now?: () => number
  readonly onEnd?: (delivery: Delivery) => void
  readonly onLog?: (line: string) => void
}

/** Opens one life of deliveries; `close` ends it as the service would. Waits between tries are short unless told otherwise. */
export const openDeliveryHouse = (options: DeliveryHouseOptions) => {
  const { folder, base, deadline_ms = 5_000, max_messages = 10, onLog = () => undefined } = options
  const log = createLog({ service: 'test', level: 'debug', destination: { write: onLog } })
  const path = join(folder, 'sessions.db')
  const migrations_dir = join(packageRoot(import.meta.url), 'services/sessions/migrations')
  const db = openDatabase({ path, migrations_dir, synchronous: 'FULL' })
  const tokens = new BotTokens(join(folder, 'tokens'))
  const deliveries = new Deliveries({
    store: openDeliveryStore(db),
    api: new BotApi({ base, deadline_ms }),
    tokens,
    log,
    max_messages,
    retrying: { first_ms: 20, last_ms: 200, ...options.retrying },
    ...(options.at ? { at: options.at } : {}),
    ...(options.now ? { now: options.now } : {}),
    ...(options.onEnd ? { onEnd: options.onEnd } : {}),
  })
  return {
    db,
    path,
    tokens,
    deliveries,
    /** Takes a text in and begins to send it. */
    send(deliveryId: string, chatId: string, text: string, token = TOKEN): void {
      const token_id = tokens.keep(token)
      const made = deliveries.prepare({
        delivery_id: deliveryId,
        owner: `task:${deliveryId}`,
        bot_id: 'b',
        chat_id: chatId,
        token_id,
        text,
      })
      db.transaction(() => deliveries.add(made))()
      deliveries.poke()
    },
    async close(): Promise<void> {
      await deliveries.close()
      closeDatabase(db)
    },
  }
}

export type DeliveryHouse = ReturnType<typeof openDeliveryHouse>

/** A house with a stand-in of Telegram, both gone after the test. */
export const startDeliveries = async (t: Scope, api: BotApiFakeOptions = {}, options: Partial<DeliveryHouseOptions> = {}) => {
  const fake = await startBotApi(api)
  atEnd(t, () => fake.close())
  const folder = tempDir(t)
  const house = openDeliveryHouse({ folder, base: fake.url, ...options })
  atEnd(t, () => house.close())
  const texts = (chat: string): string[] => fake.chat(chat).map((message) => message.text)
  const ended = async (id: string): Promise<Delivery> => {
    const found = await eventually(() => {
      const delivery = house.deliveries.get(id)
      return delivery?.state === 'pending' ? null : delivery
    })
    return found
  }
  return { fake, folder, house, texts, ended }
}

/** Behaves by the calls' texts: the first call with a text takes the first behaviour listed for it, and so on. */
export const scripted =
  (plan: Record<string, Behaviour[]>) =>
  (call: BotCall): Behaviour => {
    const key = Object.keys(plan).find((text) => call.text.includes(text))
    return (key === undefined ? undefined : plan[key]?.shift()) ?? 'ok'
  }

/** A text that takes so many messages, each of which begins with the label and its number. */
export const long = (label: string, messages: number): string =>
  Array.from({ length: messages }, (_, n) => `${label}${n} ${'x'.repeat(3_900)}`).join('\n\n')
