/** Messages that agents send to each other come to an end (protocol/chain.ts). Whoever sends without our MCP server is held here. */
import { parseChain, refusalOf } from '../../protocol/chain.ts'
import { ServiceError } from '../../protocol/errors.ts'

/** Throws `conflict` for a chain that is too long, or leads back to `target`, the chat whose answer is waited for. */
export const refuseLoop = (chain: string | undefined, target?: string): void => {
  if (chain === undefined) return
  const refusal = refusalOf(parseChain(chain), target)
  if (refusal !== undefined) throw new ServiceError('conflict', refusal)
}
