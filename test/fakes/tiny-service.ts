/**
 * A service with nothing in it, to see how a process lives. It answers for `history`:
 * - `post_message` with content `hold` ends when the parent sends `release`, or fails when its signal is aborted; `throw`
 *   fails, `die` throws where nobody catches it; else it answers with the process id.
 * - `get_session` answers at once with no messages; `list_sessions` answers with the process id, or with TINY_LIST=hold never
 *   by itself, and tells when it is aborted.
 * It tells its parent each step of its life.
 */
import { once } from 'node:events'
import { z } from 'zod'
import { BaseEnv } from '../../services/runtime/env.ts'
import { run } from '../../services/runtime/run.ts'

const tell = (step: string): void => {
  if (process.connected) process.send?.(step)
}

const heldUntilReleased = async (signal: AbortSignal): Promise<void> => {
  for (;;) {
    const [message] = await once(process, 'message', { signal })
    if (message === 'release') return
  }
}

await run({
  name: 'history',
  env: BaseEnv.extend({
    TINY_TOKEN: z.string().optional(),
    TINY_LIST: z.enum(['hold', 'answer']).default('answer'),
    TINY_FAIL_AT: z.enum(['open', 'release']).optional(),
  }),
  shutdown_deadline_ms: Number(process.env.TINY_SHUTDOWN_MS ?? 8_000),
  lock_wait_ms: Number(process.env.TINY_LOCK_WAIT_MS ?? 10_000),
  open: async ({ env, log, defer, publish }) => {
    tell('open')
    if (env.TINY_FAIL_AT === 'open') throw new Error(`could not open with ${env.TINY_TOKEN}`)
    defer('first', () => tell('released first'))
    defer('second', () => {
      tell('released second')
      if (env.TINY_FAIL_AT === 'release') throw new Error('cannot let go')
    })
    return {
      handlers: {
        messages_since: async () => ({ total: 0, messages: [] }),
        search: async () => [],
        search_status: async () => ({ passages: 0, pending: 0, backlog: 0, model: null, reembedding: null }),
        record: async ({ records }) => ({ stored: records.length }),
        list_sessions: async (_input, { signal }) => {
          tell('list asked')
          if (env.TINY_LIST === 'answer')
            return [{ session_id: String(process.pid), bot_id: '', started_at: '', last_message_at: '', message_count: 0 }]
          await once(signal, 'abort')
          tell('list aborted')
          return []
        },
        get_session: async () => [],
        post_message: async ({ content }, { signal, call_id }) => {
          log.info({ call_id, token: 'not to be seen' }, `asked for ${content} with ${env.TINY_TOKEN}`)
          if (content === 'throw') throw new Error('detail that must not leave')
          if (content === 'die') {
            setImmediate(() => {
              throw new Error('nobody foresaw this')
            })
          }
          if (content === 'hold') {
            tell('held')
            await heldUntilReleased(signal)
          }
          publish.message_recorded({ id: process.pid, session_id: 's', bot_id: 'b', role: 'user' })
          return { id: process.pid }
        },
      },
      start: () => tell('start'),
      drain: () => tell('drain'),
    }
  },
})
