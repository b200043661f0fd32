/** What can be asked of what was spent. */
import type { Handlers } from '../../../protocol/method.ts'
import type { sessions } from '../../../protocol/sessions.ts'
import type { spendMethods } from '../../../protocol/spend.ts'
import { dayStartBefore, machineZone, zoneOf } from '../../runtime/cron/zone.ts'
import type { Settings } from '../settings.ts'
import type { SpendStore } from './store.ts'

const orNull = (limit: number): number | null => (limit === 0 ? null : limit)

export const createSpendHandlers = (
  store: SpendStore,
  env: Settings,
): Pick<Handlers<typeof sessions>, keyof typeof spendMethods> => ({
  async spend({ days, bot_id, chat_id }) {
    const zone = zoneOf(machineZone())
    const now = Date.now()
    return {
      today_usd: store.spent(dayStartBefore(zone, now, 0), '', '').all,
      limits: {
        day_usd: orNull(env.SPEND_LIMIT_DAY_USD),
        bot_day_usd: orNull(env.SPEND_LIMIT_BOT_DAY_USD),
        chat_day_usd: orNull(env.SPEND_LIMIT_CHAT_DAY_USD),
        unattended_percent: env.SPEND_UNATTENDED_PERCENT,
      },
      rows: store.byDay(dayStartBefore(zone, now, days - 1), bot_id ?? null, chat_id ?? null),
    }
  },
})
