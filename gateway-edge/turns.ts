/** Following turns: one feed for each turn that somebody follows. */
import { ServiceError } from '../protocol/errors.ts'
import type { Client } from '../protocol/method.ts'
import type { sessions, TurnEvent } from '../protocol/sessions.ts'
import { Feed } from './feed.ts'

/** What of sessions is needed to follow its turns. */
export type TurnSource = Pick<Client<typeof sessions>, 'events' | 'turn'>

export interface TurnsOptions {
  readonly source: TurnSource
  /** How long sessions may be unreachable before followers are told, in milliseconds. */
  readonly give_up_ms?: number
  /** How long one pull waits for news, in milliseconds. */
  readonly wait_ms?: number
}

/**
 * What a follower does with a batch of events; the same array for all to whom the same is given. Where it returns a promise,
 * nothing more is given before that resolves. What it throws ends its following.
 */
export type Take = (events: readonly TurnEvent[]) => Promise<void> | undefined

export interface FollowOptions {
  /** Begin behind this event. */
  readonly after?: string | undefined
  readonly signal: AbortSignal
  readonly take: Take
}

export interface Turns {
  /**
   * Gives what happened behind `after` in batches, the last of which holds the `end`, and resolves. Rejects with what sessions
   * answers (`not_found`), `unavailable` when sessions cannot be reached for too long, `cancelled` when the signal aborts,
   * `closing` at `close`, or with what `take` throws.
   */
  follow(turn_id: string, options: FollowOptions): Promise<void>
  /** How many turns are followed at this moment. */
  readonly size: number
  /** Ends all following. */
  close(): void
}

const GIVE_UP_MS = 60_000
const WAIT_MS = 20_000

/** Follows turns of one source. When the last follower of a turn leaves, the pull is taken back and the turn forgotten. */
export const openTurns = ({ source, give_up_ms = GIVE_UP_MS, wait_ms = WAIT_MS }: TurnsOptions): Turns => {
  const feeds = new Map<string, Feed>()
  let closed = false

  return {
    follow: async (turn_id, { after = '', signal, take }) => {
      if (closed) throw new ServiceError('closing')
      const feed = feeds.get(turn_id) ?? new Feed(turn_id, after, { source, give_up_ms, wait_ms })
      feeds.set(turn_id, feed)
      try {
        await feed.follow(after, signal, take)
      } finally {
        if (feed.followers === 0) {
          if (feeds.get(turn_id) === feed) feeds.delete(turn_id)
          feed.stop(new ServiceError('cancelled', 'Nobody follows this turn any more'))
        }
      }
    },
    get size() {
      return feeds.size
    },
    close: () => {
      closed = true
      for (const feed of feeds.values()) feed.stop(new ServiceError('closing', 'The edge is closing'))
    },
  }
}
