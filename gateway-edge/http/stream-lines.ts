/** What the `data:` lines of an event stream hold, for the description of it; `sse.ts` writes them. */
import { z } from 'zod'
import { TurnId } from '../../protocol/identifiers.ts'
import { TurnEvent } from '../../protocol/sessions.ts'

const First = z.object({ type: z.literal('turn'), turn_id: TurnId }).describe('which turn this tells of; always the first line')

const Failure = z.object({ type: z.literal('error'), content: z.string() }).describe('the turn cannot be followed any more')

const content = <const T extends string>(type: T, meaning: string) =>
  z.object({ type: z.literal(type), content: z.string() }).describe(meaning)

/** A stream that answers a message. */
export const StreamLine = z
  .union([
    First,
    content('text', 'to be appended'),
    content('thinking', "the model's thinking, to be appended apart"),
    content('done', 'the whole answer, in the place of what was appended; the last line'),
    Failure,
  ])
  .meta({
    title: 'StreamLine',
    description: 'A stream that ends cleanly without `done` has an answer too long for one line: it is what was appended.',
  })

const lineOf = (event: (typeof TurnEvent.options)[number]) => {
  const { id: _id, ...rest } = event.shape
  const shape = event.shape.type.value === 'end' ? { ...rest, type: z.literal('done') } : rest
  return z.object(shape).describe(event.description ?? '')
}

/** A stream that tells all that happens in a turn. */
export const EventLine = z.union([First, ...TurnEvent.options.map(lineOf), Failure]).meta({
  title: 'EventLine',
  description: "All that happens in a turn, in order. The event's id stands in front of the line, as `id:`.",
})
