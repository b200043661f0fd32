/** A turn that has not ended, as the service holds it: its row, its events, and how far its hand-over has come. */
import type { TurnEvent } from '../../protocol/sessions.ts'
import { comparePositions, parseEventId } from './agent/event-id.ts'
import type { TurnFold } from './agent/fold.ts'
import type { NoticeRow, SessionRef, TurnRow } from './rows.ts'
import { noticeEvent, OpenTurnEvents, queuedEvent, runningEvent } from './turn-events.ts'

/** One text for a session: no part of it may hold a slash. */
export const sessionKey = ({ bot_id, chat_id, lane }: SessionRef): string => `${bot_id}/${chat_id}/${lane}`

/** What a turn was last seen doing. */
export interface Activity {
  readonly last_tool: string | null
  readonly last_line: string
  /** Milliseconds since 1970; null while nothing was heard. */
  readonly last_output_at: number | null
}

/** Of the last line, as much as is worth a look. */
const LINE_CHARS = 200

export class OpenTurn {
  readonly id: string
  readonly key: string
  /** The key of its chat: another one where it is work in the background. */
  readonly chatKey: string
  readonly events = new OpenTurnEvents()
  row: TurnRow
  fold: TurnFold | null = null
  /** Set while its end is being written: nothing else may end it (invariant D). */
  isEnding = false
  /** Why it is being broken off by us, where that is not the user's wish. */
  timeoutReason: string | null = null
  /** The CLI said that the conversation exists, or does not, against what its files say: the other way is tried. */
  flipResume = false
  firstTextAt: number | null = null
  /** When this life of the service learned that an agent has it: monotonic milliseconds. */
  handedAt: number | null = null
  /** Where the result stands that was seen before the hand-over was on disk. */
  resultOffset: number | null = null
  /** Wait time not yet in the row, in milliseconds. */
  unsavedWaitMs = 0
  #lastTool: string | null = null
  #tail = ''
  #lastOutputAt: number | null = null
  /** Folded before the hand-over was on disk; nobody may see them earlier. */
  #held: TurnEvent[] | null = []
  #notices: TurnEvent[]

  constructor(row: TurnRow, notices: readonly NoticeRow[] = []) {
    this.id = row.turn_id
    this.key = sessionKey(row)
    this.chatKey = sessionKey({ ...row, lane: '' })
    this.row = row
    this.#notices = notices.map(noticeEvent)
    this.events.append([queuedEvent(row)])
  }

  /** Whether it is work in the background. */
  get isTask(): boolean {
    return this.row.lane !== ''
  }

  get activity(): Activity {
    const lines = this.#tail.split('\n').filter((line) => line.trim() !== '')
    const last_line = (lines.at(-1) ?? '').trim().slice(-LINE_CHARS)
    return { last_tool: this.#lastTool, last_line, last_output_at: this.#lastOutputAt }
  }

  get isHanded(): boolean {
    return this.#held === null
  }

  /** The hand-over is on disk: what was folded meanwhile may be seen. */
  setHanded(row: TurnRow): void {
    const held = this.#held ?? []
    this.handedAt = performance.now()
    this.row = row
    this.#held = null
    this.events.append([runningEvent(row.agent as number, row.start_offset as number)])
    this.#show(held)
  }

  /** It was proven that the agent never had the message. */
  setWaiting(row: TurnRow): void {
    this.row = row
    this.fold = null
    this.resultOffset = null
    this.#held = []
  }

  /** The events of a line of the log. */
  add(events: readonly TurnEvent[]): void {
    if (events.length === 0) return
    if (this.firstTextAt === null && events.some((event) => event.type === 'text')) this.firstTextAt = performance.now()
    if (this.isTask) this.#watch(events)
    if (this.#held) this.#held.push(...events)
    else this.#show(events)
  }

  #watch(events: readonly TurnEvent[]): void {
    this.#lastOutputAt = Date.now()
    for (const event of events) {
      if (event.type === 'tool_use') this.#lastTool = event.name
      else if (event.type === 'text') this.#tail = (this.#tail + event.content).slice(-2 * LINE_CHARS)
      else if (event.type === 'replaced') this.#tail = event.content.slice(-2 * LINE_CHARS)
    }
  }

  /** A sentence of ours, placed behind what was said so far. */
  addNotice(notice: NoticeRow): void {
    this.#notices.push(noticeEvent(notice))
    this.#show([])
    this.flushNotices()
  }

  /** Shows the sentences that no line stands behind. */
  flushNotices(): void {
    if (this.#held) return
    this.events.append(this.#notices)
    this.#notices = []
  }

  /** Sentences of ours keep their place between the lines, also when the log is folded again. */
  #show(events: readonly TurnEvent[]): void {
    const first = events[0]
    if (first === undefined) return
    const position = parseEventId(first.id)
    const before = this.#notices.filter((notice) => comparePositions(parseEventId(notice.id), position) < 0)
    if (before.length > 0) {
      this.#notices = this.#notices.slice(before.length)
      this.events.append(before)
    }
    this.events.append(events)
  }
}
