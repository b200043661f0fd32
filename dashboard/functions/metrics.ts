/** `GET /api/metrics`: the payload as it was pushed last, for everybody. Read through Vercel's own client of the store. */
import { createClient, type EdgeConfigClient } from '@vercel/edge-config'
import { ITEM_KEY, Payload } from '../../protocol/dashboard.ts'
import { answer } from './answer.ts'

/**
 * Vercel's network keeps an answer so long: however many people look, the store is read a few times a minute. Browsers are told
 * apart (they too would honour `stale-while-revalidate` and show what is old): a copy of theirs is one more thing to be stale.
 */
const KEPT = { 'cache-control': 'no-store', 'vercel-cdn-cache-control': 'max-age=20, stale-while-revalidate=40' }

/** What the client's errors mean. Its texts are the only thing by which it tells them apart. */
const meaningOf = (error: unknown): string => {
  const { message } = error as Error
  if (message.includes('Unauthorized')) return 'the read token in EDGE_CONFIG is refused'
  if (message.includes('not found')) return 'there is no such store'
  return /status code (\d+)/.exec(message)?.[0] ?? 'it cannot be reached'
}

/** The handler of `GET /api/metrics`. 404 says that nothing has been pushed yet. */
export const createMetrics = ({ connection }: { readonly connection: string | undefined }) => {
  let client: EdgeConfigClient | undefined

  const read = async (): Promise<Response> => {
    if (!connection)
      return answer(500, { error: 'server misconfigured', detail: 'no Edge Config is connected to the Vercel project' })
    try {
      client ??= createClient(connection)
      const stored = await client.get(ITEM_KEY)
      if (stored === undefined) return answer(404, { error: 'no metrics data yet' })
      const parsed = Payload.safeParse(stored)
      if (!parsed.success)
        return answer(502, { error: 'the data is of another version', detail: 'the next push brings what fits' })
      return answer(200, parsed.data, KEPT)
    } catch (error) {
      return answer(502, { error: 'metrics fetch failed', detail: meaningOf(error) })
    }
  }

  return async (request: Request): Promise<Response> => {
    if (request.method === 'GET') return await read()
    if (request.method !== 'HEAD') return answer(405, { error: 'method not allowed' }, { allow: 'GET, HEAD' })
    const { status, headers } = await read()
    return new Response(null, { status, headers })
  }
}
