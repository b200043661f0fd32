/** What a connection answers by itself, declared as data as the contract's rows are; everything else comes from the contract. */
import { z } from 'zod'
import { EventId, TurnId } from '../../protocol/identifiers.ts'
import type { MethodSpec } from '../../protocol/method.ts'
import { TOPICS } from './topics.ts'

/** A method of the connection. */
export type OwnMethod = Pick<MethodSpec, 'summary' | 'input' | 'output'>

const method = <const M extends OwnMethod>(spec: M): M => spec

const Subscription = z.string().describe('Names a following, on this connection')
const Topics = z.array(z.enum(TOPICS as [string, ...string[]])).max(TOPICS.length)

export const OWN_METHODS = {
  'turns.follow': method({
    summary: 'Be told what happens in a turn, from its beginning or behind an event',
    input: z.object({ turn_id: TurnId, after: EventId.nullish() }),
    output: z.object({ subscription: Subscription }),
  }),
  'turns.unfollow': method({
    summary: 'Be told no more',
    input: z.object({ subscription: Subscription }),
    output: z.object({ unfollowed: z.boolean() }),
  }),
  'topics.subscribe': method({
    summary: 'Be told the hints of these topics too',
    input: z.object({ topics: Topics }),
    output: z.object({ topics: z.array(z.string()).describe('All that are told now') }),
  }),
  'topics.unsubscribe': method({
    summary: 'Be told the hints of these topics no more',
    input: z.object({ topics: Topics }),
    output: z.object({ topics: z.array(z.string()).describe('All that are still told') }),
  }),
  'rpc.cancel': method({
    summary: 'Take back a call that is not answered yet; it is answered with `cancelled`',
    input: z.object({ id: z.union([z.string(), z.number(), z.null()]) }),
    output: z.object({ cancelled: z.boolean() }),
  }),
  ping: method({ summary: 'Whether the edge listens', input: z.object({}), output: z.literal('pong') }),
} as const

export type OwnName = keyof typeof OWN_METHODS

/** What a handler gives back. */
export interface Outcome {
  readonly result: unknown
  /** Done when the answer is on its way. */
  readonly afterwards?: (() => void) | undefined
}

/** One handler for each: the compiler asks for all of them and for no other. */
export type OwnHandlers = {
  readonly [N in OwnName]: (input: z.output<(typeof OWN_METHODS)[N]['input']>) => {
    readonly result: z.output<(typeof OWN_METHODS)[N]['output']>
    readonly then?: () => void
  }
}

export const isOwn = (name: string): name is OwnName => Object.hasOwn(OWN_METHODS, name)
