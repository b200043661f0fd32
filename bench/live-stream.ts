/** Follows a turn on a WebSocket of its own, as `stream.ts` does by server-sent events. */
import WebSocket from 'ws'
import type { StreamEvent } from './stream.ts'

interface Told {
  readonly error?: unknown
  readonly method?: string
  readonly params?: { readonly event?: StreamEvent; readonly after?: string | null; readonly error?: unknown }
}

/** Resolves when the turn has ended; a client that is told that it lags asks again from there. */
export const followLive = (port: number, turn_id: string, on: (event: StreamEvent) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, { perMessageDeflate: false })
    const follow = (after: string | null): void =>
      socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'turns.follow', params: { turn_id, after } }))
    socket.on('open', () => follow(null))
    socket.on('error', reject)
    socket.on('close', () => reject(new Error(`the socket that followed ${turn_id} broke`)))
    socket.on('message', (bytes) => {
      const { method, params, error } = JSON.parse(String(bytes)) as Told
      if (error !== undefined || params?.error !== undefined) reject(new Error(String(bytes)))
      if (method === 'turn.event' && params?.event) on(params.event)
      if (method === 'lagging') follow(params?.after ?? null)
      if (method !== 'turn.ended') return
      resolve()
      socket.terminate()
    })
  })
