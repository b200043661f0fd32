/** Puts the parts of delivery together. */
import { join } from 'node:path'
import type { Database } from 'better-sqlite3'
import type { Home } from '../../runtime/home.ts'
import type { Log } from '../../runtime/log.ts'
import { BotApi } from './bot-api.ts'
import { Deliveries, type DeliveryPoint } from './deliveries.ts'
import { openDeliveryStore } from './store.ts'
import { BotTokens } from './tokens.ts'

const HOUR_MS = 3_600_000

export interface OpenTelegramDeps {
  readonly db: Database
  readonly env: {
    readonly TELEGRAM_API_BASE: string
    readonly TELEGRAM_MAX_MESSAGES: number
    readonly TELEGRAM_RETRY_HOURS: number
  }
  readonly home: Pick<Home, 'root'>
  readonly log: Log
  readonly at: (point: DeliveryPoint) => void
  /** Hears whose delivery has ended. */
  readonly onEnd: (owner: string) => void
}

/** Nothing is sent before `deliveries.recover()`. */
export const openTelegram = ({ db, env, home, log, at, onEnd }: OpenTelegramDeps) => {
  // Outside of the database, so that a copy of it gives nobody a bot.
  const tokens = new BotTokens(join(home.root, 'tokens'))
  const deliveries = new Deliveries({
    store: openDeliveryStore(db),
    api: new BotApi({ base: env.TELEGRAM_API_BASE }),
    tokens,
    log,
    at,
    max_messages: env.TELEGRAM_MAX_MESSAGES,
    retrying: { give_up_ms: env.TELEGRAM_RETRY_HOURS * HOUR_MS },
    onEnd: ({ owner }) => onEnd(owner),
  })
  return { deliveries, tokens }
}
