/** All WebSockets of the edge: how many there may be, what they share, and how they end. */
import { ServiceError } from '../../protocol/errors.ts'
import type { WireLog } from '../../protocol/wire/log.ts'
import type { Socket, SocketListener, SocketOptions } from '../server/server.ts'
import type { Turns } from '../turns.ts'
import { type CallsDeps, createCalls } from './calls.ts'
import { Connection } from './connection.ts'
import { type Listen, openTopics } from './topics.ts'

export const LIVE_PATH = '/ws'

const MESSAGE_MAX_BYTES = 32 * 1_048_576
const UNSENT_MAX_BYTES = 64 * 1_048_576
const IDLE_S = 60
const CONNECTIONS_MAX = 1_000

/** Bytes of messages whose calls are not answered yet, of all connections together. */
const HELD_MAX_BYTES = 256 * 1_048_576

/** How long calls that run may hold up the end. */
const DRAIN_MS = 1_000

export interface LiveDeps extends CallsDeps {
  readonly turns: Turns
  readonly listen: Listen
  readonly log: WireLog
  /** How long a client may take to make room before it is told that it lags. */
  readonly lag_ms?: number | undefined
  readonly idle_s?: number | undefined
  readonly max_sockets?: number | undefined
}

export interface Live {
  /** How WebSockets are spoken here; who may, the caller says. */
  readonly limits: Omit<SocketOptions, 'admit'>
  /** Begins with one more. Throws `busy` when there are too many, `closing` when there will be none. */
  admit(): (socket: Socket) => SocketListener
  /** Connections, and the topics that are told to each. */
  readonly stats: { readonly connections: number; readonly subscribed: number }
  /** Answers what runs, takes nothing new, and tells everybody to come again (1001). */
  drain(): Promise<void>
  close(): void
}

/** Opens the edge's WebSockets. */
export const openLive = (deps: LiveDeps): Live => {
  const { turns, log, lag_ms, max_sockets = CONNECTIONS_MAX } = deps
  const calls = createCalls(deps)
  const topics = openTopics(deps.listen)
  const connections = new Set<Connection>()
  let held = 0
  let closing = false

  const hold = (bytes: number): boolean => {
    if (held > 0 && held + bytes > HELD_MAX_BYTES) return false
    held += bytes
    return true
  }
  const release = (bytes: number): void => {
    held -= bytes
  }
  const onClose = (connection: Connection): void => void connections.delete(connection)

  return {
    limits: {
      path: LIVE_PATH,
      max_message_bytes: MESSAGE_MAX_BYTES,
      max_unsent_bytes: UNSENT_MAX_BYTES,
      idle_s: deps.idle_s ?? IDLE_S,
    },
    admit: () => {
      if (closing) throw new ServiceError('closing', 'The gateway is shutting down; try again')
      if (connections.size >= max_sockets)
        throw new ServiceError('busy', `At most ${max_sockets} WebSockets are open at one time`)
      return (socket) => {
        const connection = new Connection(socket, { calls, turns, topics, log, hold, release, onClose, lag_ms })
        connections.add(connection)
        return connection
      }
    },
    get stats() {
      return { connections: connections.size, subscribed: topics.size }
    },
    drain: async () => {
      closing = true
      const all = [...connections]
      const answered = Promise.all(all.map((connection) => connection.drain()))
      await Promise.race([answered, new Promise((resolve) => setTimeout(resolve, DRAIN_MS).unref())])
      for (const connection of all) connection.close(1001, 'The gateway is shutting down; come again')
    },
    close: () => {
      closing = true
      topics.close()
    },
  }
}
