/**
 * The loop guard. An agent may send messages to other chats, whose agents may do the same; without a bound two of them would
 * talk to each other for ever, or wait for each other.
 *
 * A message carries its **chain**: the chats whose answers wait for its answer, eldest first, as `<bot_id>/<chat_id>` with
 * commas between them. A person's message has none. What an agent sends has the chain of the turn it is at, and its own chat.
 *
 * - **A** A message never goes to a chat of its chain when somebody waits for the answer: that chat is busy until the answer is
 *   there.
 * - **B** A chain has at most {@link CHAIN_MAX} chats.
 */
import { z } from 'zod'

/** Messages that may lead to one another, behind the first one. */
export const CHAIN_MAX = 3

export const CHAIN_HEADER = 'x-switchboard-chain'

const CHAT = /^[\w-][\w.-]{0,127}\/[\w-][\w.-]{0,127}$/

/** Whether a text names a chat as chains do. */
export const isChat = (text: string): boolean => CHAT.test(text)

/** The chats of a chain as it is written; what is no chat is left out. */
export const parseChain = (text: string): readonly string[] => text.split(',').filter(isChat)

/** A chain on the wire. */
export const Chain = z
  .string()
  .max(2_000)
  .refine((text) => text.split(',').every(isChat), 'must be chats as <bot_id>/<chat_id>, with commas between them')
  .optional()
  .describe('the chats whose answers wait for this one, eldest first')

/** Why a message is refused, or undefined. `target`: the chat it goes to, where somebody waits for its answer. */
export const refusalOf = (chain: readonly string[], target?: string): string | undefined => {
  if (target !== undefined && target === chain.at(-1))
    return `${target} is the chat that you are answering at this moment: a message to it would wait for your own answer. Say it in your answer instead.`
  if (target !== undefined && chain.includes(target))
    return `${target} waits for your answer already (${chain.join(' → ')}): a message to it would wait for ever. Say it in your answer instead.`
  if (chain.length > CHAIN_MAX)
    return `${CHAIN_MAX} messages led to this one (${chain.join(' → ')}), which is the limit. Answer with what you have.`
  return undefined
}
