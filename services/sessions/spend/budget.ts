/**
 * What may be spent a day. A limit is looked at when a turn is about to be handed to its agent, against the costs that the
 * rows of ended turns hold: so it holds across restarts, and a turn under way is never cut off in the middle. What runs at
 * that moment may go beyond the limit, by its own cost.
 *
 * Unattended work stops first, at a share of each limit: the rest is kept for people who wait for an answer.
 */
import { dayStart, machineZone, zoneOf } from '../../runtime/cron/zone.ts'
import type { TurnRow } from '../rows.ts'
import type { Settings } from '../settings.ts'
import type { SpendStore } from './store.ts'

type Limits = Pick<
  Settings,
  'SPEND_LIMIT_DAY_USD' | 'SPEND_LIMIT_BOT_DAY_USD' | 'SPEND_LIMIT_CHAT_DAY_USD' | 'SPEND_UNATTENDED_PERCENT'
>

const dollars = (usd: number): string => `$${usd.toFixed(2)}`

export class Budget {
  readonly #limits: Limits
  readonly #store: SpendStore

  constructor(limits: Limits, store: SpendStore) {
    this.#limits = limits
    this.#store = store
  }

  /** Why a turn is not begun today, in words for its user; null while there is money for it. */
  refusal({ bot_id, chat_id, unattended }: Pick<TurnRow, 'bot_id' | 'chat_id' | 'unattended'>, now: number): string | null {
    const { SPEND_LIMIT_DAY_USD, SPEND_LIMIT_BOT_DAY_USD, SPEND_LIMIT_CHAT_DAY_USD, SPEND_UNATTENDED_PERCENT } = this.#limits
    if (SPEND_LIMIT_DAY_USD === 0 && SPEND_LIMIT_BOT_DAY_USD === 0 && SPEND_LIMIT_CHAT_DAY_USD === 0) return null
    const spent = this.#store.spent(dayStart(zoneOf(machineZone()), now), bot_id, chat_id)
    const share = unattended === 1 ? SPEND_UNATTENDED_PERCENT / 100 : 1
    for (const [limit, usd, whose, name] of [
      [SPEND_LIMIT_CHAT_DAY_USD, spent.chat, 'this chat', 'SPEND_LIMIT_CHAT_DAY_USD'],
      [SPEND_LIMIT_BOT_DAY_USD, spent.bot, `the bot ${bot_id}`, 'SPEND_LIMIT_BOT_DAY_USD'],
      [SPEND_LIMIT_DAY_USD, spent.all, 'all chats together', 'SPEND_LIMIT_DAY_USD'],
    ] as const) {
      if (limit === 0 || usd < limit * share) continue
      const stop = share < 1 ? ` Work that nobody waits for stops at ${SPEND_UNATTENDED_PERCENT} % of it.` : ''
      return `Today's spending limit of ${whose} is reached: ${dollars(usd)} of ${dollars(limit)} (${name}).${stop} It begins anew at midnight (${machineZone()}); whoever runs this Switchboard can raise it.`
    }
    return null
  }
}
