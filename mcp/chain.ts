/**
 * The chain of whoever calls (protocol/chain.ts). The service that hands a message to an agent writes the message's chain into
 * a file of that agent, since an agent outlives its turns while its environment is fixed; the agent's MCP server reads it at
 * each call and adds its own chat.
 *
 * A file that cannot be read stops nothing: the own chat is in the chain in any case, so the nearest loop is seen.
 */
import { readFile } from 'node:fs/promises'
import { CHAIN_HEADER, isChat, parseChain } from '../protocol/chain.ts'

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
    if (chat === undefined || !isChat(chat)) return []
    try {
      return [...(turn_file === undefined ? [] : await readChain(turn_file)), chat]
    } catch (error) {
      warn(`The chain of this turn cannot be read, it counts as empty: ${(error as Error).message}`)
      return [chat]
    }
  }

/** The header that carries a chain. */
export const chainHeaders = (chain: readonly string[]): Readonly<Record<string, string>> =>
  chain.length === 0 ? {} : { [CHAIN_HEADER]: chain.join(',') }
