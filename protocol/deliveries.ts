/** What is delivered to Telegram, with the evidence of each attempt. Methods of sessions. */
import { z } from 'zod'
import { method } from './method.ts'

/** pending: on its way. delivered and failed are ends; cancelled: what was not sent yet is not sent any more. */
export const DeliveryState = z.enum(['pending', 'delivered', 'failed', 'cancelled']).meta({ title: 'DeliveryState' })
export type DeliveryState = z.output<typeof DeliveryState>

/** One try to send one part. Moments are milliseconds since 1970. */
export const DeliveryAttempt = z
  .object({
    n: z.number().int().describe('counted from 1 within its part'),
    form: z.enum(['html', 'plain', 'document']),
    labelled: z.boolean().describe('it says of itself that it may be a repeat'),
    outcome: z.enum(['open', 'sent', 'refused', 'not_sent', 'ambiguous']),
    status: z.number().int().nullable().describe('the HTTP status that Telegram answered'),
    reason: z.string().nullable(),
    message_id: z.number().int().nullable().describe("Telegram's own number for the message: the evidence"),
    started_at: z.number(),
    ended_at: z.number().nullable(),
  })
  .meta({ title: 'DeliveryAttempt' })
export type DeliveryAttempt = z.output<typeof DeliveryAttempt>

/** One message of Telegram. */
export const DeliveryPart = z
  .object({
    n: z.number().int().describe('its place, counted from 0'),
    kind: z.enum(['message', 'document']),
    state: z.enum(['pending', 'sending', 'sent', 'failed', 'cancelled']),
    message_id: z.number().int().nullable(),
    attempts: z.array(DeliveryAttempt),
  })
  .meta({ title: 'DeliveryPart' })
export type DeliveryPart = z.output<typeof DeliveryPart>

/** A text on its way to a chat of Telegram. */
export const Delivery = z
  .object({
    delivery_id: z.string(),
    owner: z.string().describe('what it is the result of: task:<id>, turn:<id> or run:<id>'),
    bot_id: z.string(),
    chat_id: z.string(),
    state: DeliveryState,
    reason: z.string().nullable().describe('why it failed, and what to do'),
    created_at: z.number(),
    ended_at: z.number().nullable(),
    parts: z.array(DeliveryPart),
  })
  .meta({ title: 'Delivery' })
export type Delivery = z.output<typeof Delivery>

const DeliveryId = z.string().min(1).max(200)

export const deliveryMethods = {
  keep_token: method({
    summary: 'Keep the token of a bot, outside of any database, and name it',
    input: z.object({ bot_token: z.string().min(1).max(500) }),
    output: z.object({ token_id: z.string() }),
    timeout_ms: 5_000,
    idempotent: true,
  }),
  deliver: method({
    summary: 'Take a text over for delivery to Telegram; a repeat changes nothing',
    input: z.object({
      delivery_id: DeliveryId,
      owner: z.string().min(1).max(200),
      bot_id: z.string(),
      chat_id: z.string().min(1).max(200),
      token_id: z.string(),
      text: z.string(),
    }),
    output: z.object({}),
    errors: ['not_found'],
    timeout_ms: 10_000,
    idempotent: true,
  }),
  delivery: method({
    summary: 'How a delivery is doing, with each attempt as evidence',
    input: z.object({ delivery_id: DeliveryId }),
    output: Delivery,
    errors: ['not_found'],
    http: [{ route: 'GET /api/deliveries/{delivery_id}' }],
    ws: true,
    timeout_ms: 5_000,
    idempotent: true,
  }),
  list_deliveries: method({
    summary: 'Deliveries, newest first',
    input: z.object({
      owner: z.string().optional(),
      bot_id: z.string().optional(),
      chat_id: z.string().optional(),
      state: DeliveryState.optional(),
      before: DeliveryId.optional().describe('those that were made before this one'),
      limit: z.number().int().min(1).max(200).default(50),
    }),
    output: z.object({ deliveries: z.array(Delivery) }),
    http: [{ route: 'GET /api/deliveries' }],
    ws: true,
    mcp: 'list_deliveries',
    timeout_ms: 5_000,
    idempotent: true,
  }),
}
