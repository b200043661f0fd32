/**
 * The events of a turn, for whoever asks. A turn that is open keeps its latest events in memory, so that a thousand
 * watchers cost one reader; what lies further back, and every turn that has ended, is folded from the log again, which
 * gives the same events (invariant C).
 */
import { ServiceError } from '../../protocol/errors.ts'
import type { TurnEvent } from '../../protocol/sessions.ts'
import { comparePositions, END_PIECE, isBehind, type Position, parseEventId, toEventId } from './agent/event-id.ts'
import { TurnFold } from './agent/fold.ts'
import type { AgentFolder } from './agent/folder.ts'
import { readLines } from './agent/log.ts'
import { Beat } from './beat.ts'
import { isOpen, type NoticeRow, type TurnRow } from './rows.ts'

export interface EventBatch {
  readonly events: TurnEvent[]
  readonly ended: boolean
}

const GONE = 'the events of this turn are no longer kept; its answer is in the turn itself and in history'
/** Events of an open turn that are kept in memory, in bytes. */
const KEPT_BYTES = 4 * 1024 * 1024
/** What an event costs on the wire beside its text. */
const OVERHEAD_BYTES = 96

const sizeOf = (event: TurnEvent): number =>
  ('content' in event ? event.content.length : 0) + ('input' in event ? event.input.length : 0) + OVERHEAD_BYTES

/** At least one event, then as many as fit. */
const take = (events: readonly TurnEvent[], maxBytes: number): TurnEvent[] => {
  let bytes = 0
  const end = events.findIndex((event, index) => {
    bytes += sizeOf(event)
    return index > 0 && bytes > maxBytes
  })
  return end === -1 ? [...events] : events.slice(0, end)
}

/** The event that tells that a turn waits. Always the first. */
export const queuedEvent = (turn: TurnRow): TurnEvent => ({ id: toEventId(0, 0, 0), type: 'queued', ahead: turn.ahead })

/** The event that tells that a turn was handed over. */
export const runningEvent = (agent: number, startOffset: number): TurnEvent => ({
  id: toEventId(agent, startOffset, 0),
  type: 'running',
})

/** The last event of a turn that has ended. */
export const endEvent = (turn: TurnRow): TurnEvent => ({
  id: toEventId(turn.end_offset === null ? 0 : (turn.agent ?? 0), turn.end_offset ?? 0, END_PIECE),
  type: 'end',
  state: turn.state,
  content: turn.reply ?? '',
  reason: turn.reason,
})

export const noticeEvent = (notice: NoticeRow): TurnEvent => ({
  id: toEventId(notice.agent, notice.offset, notice.piece),
  type: 'notice',
  content: notice.content,
})

/**
 * Whether somebody who has seen everything up to `after` lacks this event. Only who stands exactly at the end has heard it: events
 * that were told can lie behind it, where a power cut took them from the log, or where the turn ended without the agent it had.
 */
const isNews = (event: TurnEvent, after: Position | null): boolean =>
  isBehind(event.id, after) || (event.type === 'end' && after !== null && comparePositions(parseEventId(event.id), after) !== 0)

/** What an agent says in many small pieces. */
const isSpeech = (event: TurnEvent): boolean => event.type === 'text' || event.type === 'thinking'

/** A turn that has said nothing for so long begins to speak anew: its first words wait for no beat. */
const SILENCE_MS = 100

/** One for all turns, or they would not be told together. */
const BEAT = new Beat()

/** The events of a turn that is open, as they come. */
export class OpenTurnEvents {
  #kept: TurnEvent[] = []
  #keptBytes = 0
  /** Events up to here are no longer in memory. */
  #trimmed: Position | null = null
  #ended = false
  #spoke_at = Number.NEGATIVE_INFINITY
  readonly #waiters = new Set<() => void>()
  readonly #wake = (): void => {
    for (const wake of this.#waiters) wake()
  }

  get keptBytes(): number {
    return this.#keptBytes
  }

  /** Whether the beginning is no longer in memory. */
  get isTrimmed(): boolean {
    return this.#trimmed !== null
  }

  append(events: readonly TurnEvent[]): void {
    if (events.length === 0) return
    for (const event of events) {
      this.#kept.push(event)
      this.#keptBytes += sizeOf(event)
      if (event.type === 'end') this.#ended = true
    }
    if (this.#keptBytes > KEPT_BYTES) this.#trim()
    if (this.#goesOn(events)) BEAT.tell(this.#wake)
    else this.#wake()
  }

  /** Whether these are only more words of an agent that speaks. */
  #goesOn(events: readonly TurnEvent[]): boolean {
    if (!events.every(isSpeech)) return false
    const now = performance.now()
    const silent_ms = now - this.#spoke_at
    this.#spoke_at = now
    return silent_ms < SILENCE_MS
  }

  /** The events behind `after`, or null when some of them are no longer in memory. */
  read(after: Position | null, maxBytes: number): EventBatch | null {
    if (this.#trimmed !== null && (after === null || parseIsBefore(after, this.#trimmed))) return null
    // Watchers stand near the end: look from there.
    let from = this.#kept.length
    while (from > 0 && isNews(this.#kept[from - 1] as TurnEvent, after)) from -= 1
    const events = take(this.#kept.slice(from), maxBytes)
    return { events, ended: this.#ended && from + events.length === this.#kept.length }
  }

  /** Resolves at the next event, when `ms` have passed or when the signal is aborted. */
  waitForMore(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        this.#waiters.delete(done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.#waiters.add(done)
      signal.addEventListener('abort', done, { once: true })
    })
  }

  #trim(): void {
    let drop = 0
    while (this.#keptBytes > KEPT_BYTES / 2 && drop < this.#kept.length - 1) {
      this.#keptBytes -= sizeOf(this.#kept[drop] as TurnEvent)
      drop += 1
    }
    if (drop === 0) return
    this.#trimmed = parseEventId((this.#kept[drop - 1] as TurnEvent).id)
    this.#kept = this.#kept.slice(drop)
  }
}

const parseIsBefore = (a: Position, b: Position): boolean => (a[0] - b[0] || a[1] - b[1] || a[2] - b[2]) < 0

/** A fold that stands somewhere in a log, so that the next batch goes on from there instead of from the start. */
interface Bookmark {
  readonly fold: TurnFold
  readonly offset: number
  readonly rest: readonly TurnEvent[]
}

const MAX_BOOKMARKS = 32

/** Reads the events of a turn from its log. */
export class LoggedTurnEvents {
  readonly #folder: (n: number) => AgentFolder
  readonly #bookmarks = new Map<string, Bookmark>()

  /** @param folder the folder of an agent by its number */
  constructor(folder: (n: number) => AgentFolder) {
    this.#folder = folder
  }

  /**
   * The events behind `after`, at least one and at most about `maxBytes`.
   *
   * @param until a line boundary: nothing behind it is read (for an open turn: where its live reader stands)
   * Throws `gone` when the log is no longer kept.
   */
  async read(
    turn: TurnRow,
    notices: readonly NoticeRow[],
    after: Position | null,
    maxBytes: number,
    until: number,
  ): Promise<EventBatch> {
    const found: TurnEvent[] = []
    let bytes = 0
    const add = (event: TurnEvent): void => {
      if (!isNews(event, after)) return
      found.push(event)
      bytes += sizeOf(event)
    }
    add(queuedEvent(turn))
    if (turn.agent === null || turn.start_offset === null) {
      for (const notice of notices) add(noticeEvent(notice))
    } else {
      add(runningEvent(turn.agent, turn.start_offset))
      const pending = notices.map(noticeEvent)
      const addNoticesBefore = (position: Position | null): void => {
        while (pending[0] && (position === null || parseIsBefore(parseEventId(pending[0].id), position)))
          add(pending.shift() as TurnEvent)
      }
      const isFull = await this.#fold(turn, after, until, (event) => {
        if (bytes > maxBytes) return false
        addNoticesBefore(parseEventId(event.id))
        add(event)
        return true
      })
      if (isFull) return { events: found, ended: false }
      addNoticesBefore(null)
    }
    if (isOpen(turn.state)) return { events: found, ended: false }
    if (found.length > 0 && bytes > maxBytes) return { events: found, ended: false }
    add(endEvent(turn))
    return { events: found, ended: true }
  }

  /** Gives events to `accept` until it refuses one; then true, and a bookmark before that event. */
  async #fold(turn: TurnRow, after: Position | null, until: number, accept: (event: TurnEvent) => boolean): Promise<boolean> {
    const agent = turn.agent as number
    const folder = this.#folder(agent)
    const known = after === null ? undefined : this.#bookmarks.get(`${turn.turn_id} ${after.join('.')}`)
    const fold = known?.fold ?? new TurnFold(agent, turn.turn_id, turn.origin === 'agent')
    let last: TurnEvent | null = null
    const give = (events: readonly TurnEvent[], next: number): boolean => {
      for (const [index, event] of events.entries()) {
        if (!accept(event)) {
          if (last)
            this.#remember(`${turn.turn_id} ${parseEventId(last.id).join('.')}`, {
              fold,
              offset: next,
              rest: events.slice(index),
            })
          return false
        }
        last = event
      }
      return true
    }
    if (known) {
      // A fold goes on only once: it changes as it reads.
      this.#bookmarks.delete(`${turn.turn_id} ${(after as Position).join('.')}`)
      if (!give(known.rest, known.offset)) return true
    }
    // A log that ends before the turn did is not the log of that turn: it was deleted, and perhaps made anew.
    if ((turn.end_offset ?? 0) > folder.logSize) throw new ServiceError('gone', GONE)
    const end = turn.end_offset === null ? until : Math.min(until, turn.end_offset + 1)
    try {
      for await (const line of readLines(folder.file('out'), known?.offset ?? (turn.start_offset as number), end)) {
        if (!give(fold.push(line), line.next)) return true
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new ServiceError('gone', GONE, { cause: error })
      throw error
    }
    return false
  }

  #remember(key: string, bookmark: Bookmark): void {
    this.#bookmarks.set(key, bookmark)
    if (this.#bookmarks.size <= MAX_BOOKMARKS) return
    const oldest = this.#bookmarks.keys().next().value
    if (oldest !== undefined) this.#bookmarks.delete(oldest)
  }
}
