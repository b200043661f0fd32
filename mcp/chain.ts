/**
 * The loop guard. An agent may send messages to other chats, whose agents may do the same; without a bound two of them would
 * talk to each other for ever, or wait for each other.
 *
 * A message carries its **chain**: the chats whose answers wait for its answer, eldest first, as `<bot_id>/<chat_id>`
 * with commas between them, in the header `x-switchboard-chain`. A person's message has none. The service that hands a message to
 * an agent writes the message's chain into a file of that agent, since an agent outlives its turns while its environment is
 * fixed; the agent's MCP server reads it at each call and adds its own chat.
 *
 * - **A** A message never goes to a chat of its chain when somebody waits for the answer: that chat is busy until the answer is
 *   there.
 * - **B** A chain has at most {@link CHAIN_MAX} chats.
 * - **C** A file that cannot be read stops nothing: the own chat is in the chain in any case, so the nearest loop is seen.
 */
import { readFile } from 'node:fs/promises'

/** Messages that may lead to one another, behind the first one. */
export const CHAIN_MAX = 3

export const CHAIN_HEADER = 'x-switchboard-chain'

const CHAT = /^[\w-][\w.-]{0,127}\/[\w-][\w.-]{0,127}$/

/** The chats of a chain as it is written; what is no chat is left out. */
export const parseChain = (text: string): readonly string[] => text.split(',').filter((chat) => CHAT.test(chat))

/** The chain of whoever calls, at this moment. */
export type Chain = () => Promise<readonly string[]>

/** What a file holds: `{"chain":"default/1,default/2"}`. */
const readChain = async (file: string): Promise<readonly string[]> => {
  const { chain } = JSON.parse(await readFile(file, 'utf8')) as { chain?: unknown }
  return typeof chain === 'string' ? parseChain(chain) : []
}

/** The chain of an agent: that of its turn, and its own chat. Outside of chats it is empty. */
export const createChain =
  (chat: string | undefined, turn_file: string | undefined, warn: (line: string) => void): Chain =>
  async () => {
    if (chat === undefined || !CHAT.test(chat)) return []
    try {
      return [...(turn_file === undefined ? [] : await readChain(turn_file)), chat]
    } catch (error) {
      warn(`The chain of this turn cannot be read, it counts as empty: ${(error as Error).message}`)
      return [chat]
    }
  }

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

/** The header that carries a chain. */
export const chainHeaders = (chain: readonly string[]): Readonly<Record<string, string>> =>
  chain.length === 0 ? {} : { [CHAIN_HEADER]: chain.join(',') }
