/** What can be asked of deliveries: one handler a method of `protocol/deliveries.ts`. */
import type { deliveryMethods } from '../../../protocol/deliveries.ts'
import { ServiceError } from '../../../protocol/errors.ts'
import type { Handlers } from '../../../protocol/method.ts'
import type { Deliveries } from './deliveries.ts'
import type { BotTokens } from './tokens.ts'

export interface DeliveryHandlersDeps {
  readonly deliveries: Pick<Deliveries, 'prepare' | 'add' | 'poke' | 'get' | 'list'>
  readonly tokens: Pick<BotTokens, 'keep' | 'get'>
}

type DeliveryHandlers = Handlers<{ methods: typeof deliveryMethods; topics: Record<never, never> }>

export const createDeliveryHandlers = ({ deliveries, tokens }: DeliveryHandlersDeps): DeliveryHandlers => ({
  async keep_token({ bot_token }) {
    return { token_id: tokens.keep(bot_token) }
  },

  async deliver(delivery) {
    if (tokens.get(delivery.token_id) === null)
      throw new ServiceError('not_found', 'no bot token is kept under this token_id; keep the token first')
    // Committed when this returns: `add` is a transaction of its own here.
    deliveries.add(deliveries.prepare(delivery))
    deliveries.poke()
    return {}
  },

  async delivery({ delivery_id }) {
    const delivery = deliveries.get(delivery_id)
    if (delivery === null) throw new ServiceError('not_found', 'there is no such delivery')
    return delivery
  },

  async list_deliveries(filter) {
    return { deliveries: deliveries.list(filter) }
  },
})
