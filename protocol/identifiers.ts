/** What may come from outside as a name and end up as a path segment, a key or a log field. */
import { z } from 'zod'

/**
 * A bot or chat id. Telegram's ids are digits with an optional minus; the Go bot's ids are Telegram user names. The
 * pattern allows just what can be one path segment everywhere: no slash, no NUL, no leading dot, no `..`.
 */
const Segment = z
  .string()
  .max(128, 'is longer than 128 characters')
  .regex(
    /^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/,
    'may hold letters, digits, "_", "-" and "." only and may not begin with a dot or be empty',
  )
  .refine((id) => !id.includes('..') && !id.endsWith('.'), 'may not hold ".." or end with a dot')

export const BotId = Segment.describe('which bot speaks; letters, digits, "_", "-", "."')
export const ChatId = Segment.meta({ description: 'which chat speaks; letters, digits, "_", "-", "."', examples: ['1'] })

/** A turn's id: a UUID that sessions makes; the same one names the message towards the CLI. */
export const TurnId = z.uuid().meta({ description: 'names a turn', examples: ['3f0c7a52-9b1d-4c8e-a6f4-5d2e8b7c9a10'] })

/** The id of an event: agent number, byte offset of its line in that agent's log, piece of that line. */
export const EventId = z
  .string()
  .regex(/^\d{1,15}\.\d{1,15}\.\d{1,9}$/, 'must look like <agent>.<offset>.<piece>')
  .describe('<agent>.<byte offset>.<piece>')
