/**
 * A chat as it is read: stored messages, the turns that go on, and what was sent from here and is not stored yet.
 *
 * - **A** A message is shown once: what is stored takes the place of what stood for it.
 * - **B** What was seen of a turn (its tools, its thinking) stays with the answer that it led to, for as long as the chat is open.
 */
import type { ChatMessage } from '../../../../protocol/history.ts'
import type { Turn, TurnEvent } from '../../../../protocol/sessions.ts'
import type { Connection } from '../../connection/connection.ts'
import { type Failure, toFailure } from '../../connection/failure.ts'
import type { ChatPlace } from './chat-place.ts'
import { fold, hasEnded, isSaid, type LiveTurn, newTurn } from './live-turn.ts'
import { type Outbox, type Outgoing, outboxOf } from './outbox.ts'
import { PastTurns } from './past-turn.ts'

/** Messages that are asked for at first. Further back as many as are there already, since who goes far goes farther. */
const PAGE = 100
const LARGE_PAGE = 1_000
const PATIENCE = { timeout_ms: 30_000 }
const RETRY_MS = 3_000

export class Transcript {
  readonly place: ChatPlace
  /** Of turns that ended before they could be seen. */
  readonly past: PastTurns
  readonly #connection: Connection
  readonly #onChange: () => void
  readonly #outbox: Outbox | undefined
  #messages: readonly ChatMessage[] = []
  #turns: readonly LiveTurn[] = []
  /** The turns that led to stored answers, by the ids of these (B). */
  readonly #seen = new Map<number, LiveTurn>()
  readonly #known = new Set<string>()
  /** Turns in this chat that are background tasks: they have a view of their own. */
  readonly #tasks = new Set<string>()
  #stops: (() => void)[] = []
  #loaded = false
  #complete = false
  #failure: Failure | undefined
  #reading: Promise<void> | undefined
  #goingBack: Promise<void> | undefined
  #again = false
  #closed = false
  #lives = 0

  constructor(connection: Connection, place: ChatPlace, onChange: () => void) {
    this.#connection = connection
    this.place = place
    this.#onChange = onChange
    this.#outbox = outboxOf(connection, place)
    this.past = new PastTurns(connection.reading, () => {
      this.#messages = [...this.#messages]
      if (!this.#closed) onChange()
    })
  }

  get messages(): readonly ChatMessage[] {
    return this.#messages
  }

  get outgoing(): readonly Outgoing[] {
    return this.#outbox?.messages ?? []
  }

  /** Those that wait or go on, and those whose answer is not stored yet. */
  get turns(): readonly LiveTurn[] {
    return this.#turns
  }

  get loaded(): boolean {
    return this.#loaded
  }

  /** Nothing older is there. */
  get complete(): boolean {
    return this.#complete
  }

  get failure(): Failure | undefined {
    return this.#failure
  }

  get busy(): boolean {
    return this.#turns.some((turn) => !hasEnded(turn))
  }

  /** The turn that led to a stored answer, where it was seen from here. */
  turnOf(message_id: number): LiveTurn | undefined {
    return this.#seen.get(message_id)
  }

  /** Whether a turn is known to be a background task. */
  isTask(turn_id: string | null): boolean {
    return turn_id !== null && this.#tasks.has(turn_id)
  }

  open(): void {
    const connection = this.#connection
    const { session_id, chat } = this.place
    this.#lives = connection.lives
    this.#stops = [
      connection.onTopic('history.message_recorded', {
        onHint: (message) => void (message.session_id === session_id && this.#read()),
        onMissed: () => void this.#read(),
      }),
      connection.onState(() => {
        if (connection.state !== 'live' || connection.lives === this.#lives) return
        this.#lives = connection.lives
        void this.#read()
        void this.#meetOpen()
      }),
    ]
    if (this.#outbox !== undefined)
      this.#stops.push(this.#outbox.view({ onChange: this.#onChange, onTaken: (turn_id) => void this.#meet(turn_id) }))
    if (chat !== null)
      this.#stops.push(
        connection.onTopic('sessions.turn_changed', {
          onHint: ({ turn_id, bot_id, chat_id }) => {
            if (bot_id === chat.bot_id && chat_id === chat.chat_id) void this.#meet(turn_id)
          },
          onMissed: () => void this.#meetOpen(),
        }),
      )
    void this.#read().then(() => this.#meetOpen())
  }

  close(): void {
    this.#closed = true
    for (const stop of this.#stops) stop()
  }

  retry = (): void => {
    this.#failure = undefined
    this.#onChange()
    void this.#read()
  }

  /** Goes further back; resolves when that was read. */
  async older(limit = Math.min(LARGE_PAGE, Math.max(PAGE, this.#messages.length))): Promise<void> {
    this.#goingBack ??= this.#readOlder(limit).finally(() => {
      this.#goingBack = undefined
    })
    await this.#goingBack
  }

  /** Goes back until this message is there. Whether it is. */
  async reach(message_id: number): Promise<boolean> {
    await this.#reading
    while (!this.#complete && !this.#closed && this.#oldest() > message_id) {
      const before = this.#oldest()
      await this.older(LARGE_PAGE)
      if (this.#oldest() === before && !this.#complete) return false
    }
    return this.#messages.some(({ id }) => id === message_id)
  }

  send(text: string): void {
    this.#outbox?.send(text, this.#newest())
  }

  resend(key: string): void {
    this.#outbox?.resend(key)
  }

  discard(key: string): void {
    this.#outbox?.discard(key)
  }

  #newest(): number {
    return this.#messages.at(-1)?.id ?? 0
  }

  #oldest(): number {
    return this.#messages[0]?.id ?? 0
  }

  /** Follows the turns of this chat that wait or run. */
  async #meetOpen(): Promise<void> {
    const { chat } = this.place
    if (chat === null) return
    try {
      const { turns } = await this.#connection.call('sessions.open_turns', chat)
      for (const { turn_id, origin } of turns) {
        if (origin === 'task') this.#meetTask(turn_id)
        else await this.#meet(turn_id)
      }
    } catch (error) {
      // Where it failed for another reason than the connection, the next change of a turn tells of it.
      if (toFailure(error).code !== 'offline') this.#onChange()
    }
  }

  #meetTask(turn_id: string): void {
    this.#tasks.add(turn_id)
    this.#onChange()
  }

  /** Follows a turn of this chat that was not known. */
  async #meet(turn_id: string): Promise<void> {
    if (this.#known.has(turn_id) || this.#closed) return
    this.#known.add(turn_id)
    let turn: Turn
    try {
      turn = await this.#connection.call('sessions.turn', { turn_id })
    } catch (error) {
      // The next hint of it is another chance.
      if (toFailure(error).code === 'offline') this.#known.delete(turn_id)
      return
    }
    if (turn.origin === 'task') return this.#meetTask(turn_id)
    if (turn.ended_at !== null || this.#closed) return void this.#read()
    this.#turns = [...this.#turns, newTurn(turn_id, turn.state, this.#newest())]
    this.#onChange()
    const update = (change: (turn: LiveTurn) => LiveTurn): void => {
      this.#turns = this.#turns.map((one) => (one.turn_id === turn_id ? change(one) : one))
      this.#onChange()
    }
    this.#stops.push(
      this.#connection.follow(turn_id, null, {
        onEvent: (event: TurnEvent) => update((one) => fold(one, event)),
        onEnd: (failure) => {
          if (failure !== undefined) this.#turns = this.#turns.filter((one) => one.turn_id !== turn_id)
          // The answer may have been stored before its end was told.
          const turn = this.#turns.find((one) => one.turn_id === turn_id)
          for (const message of this.#messages) if (turn !== undefined && message.id > turn.since) this.#replace(message)
          this.#onChange()
          void this.#read()
        },
      }),
    )
  }

  /** Reads the newest messages. Reasons that come meanwhile lead to one more reading. */
  #read(): Promise<void> {
    if (this.#reading !== undefined) {
      this.#again = true
      return this.#reading
    }
    this.#reading = this.#readOnce().finally(() => {
      this.#reading = undefined
      if (this.#again && !this.#closed) {
        this.#again = false
        void this.#read()
      }
    })
    return this.#reading
  }

  async #readOnce(): Promise<void> {
    const { session_id } = this.place
    const isFirst = this.#messages.length === 0
    try {
      // From the newest one on: no gap, however much was missed.
      const wanted = isFirst ? { limit: PAGE } : { from_id: this.#newest() }
      const page = await this.#connection.reading.call('history.get_session', { session_id, ...wanted }, PATIENCE)
      if (this.#closed) return
      this.#merge(page)
      if (isFirst) this.#complete = page.length < PAGE
    } catch (error) {
      const failure = toFailure(error)
      if (failure.code === 'offline') return
      // A chat without messages is not known to history.
      if (failure.code === 'not_found') this.#complete = isFirst
      else if (!this.#loaded) {
        this.#failure = failure
        // Who is away is back soon; for another reason there is the button.
        window.setTimeout(() => this.#failure !== undefined && !this.#closed && void this.#read(), RETRY_MS)
        return this.#onChange()
      }
    }
    this.#loaded = true
    this.#failure = undefined
    this.#onChange()
  }

  async #readOlder(limit: number): Promise<void> {
    if (this.#complete || !this.#loaded) return
    const wanted = { session_id: this.place.session_id, before_id: this.#oldest(), limit }
    try {
      const page = await this.#connection.call('history.get_session', wanted, PATIENCE)
      if (this.#closed) return
      this.#merge(page)
      this.#complete = page.length < limit
    } catch (error) {
      // Anything else is tried again when one comes near the oldest the next time.
      if (toFailure(error).code === 'not_found') this.#complete = true
    }
    this.#onChange()
  }

  #merge(page: readonly ChatMessage[]): void {
    const known = new Map(this.#messages.map((message) => [message.id, message]))
    const fresh = page.filter(({ id }) => !known.has(id))
    if (fresh.length === 0) return
    const first = this.#newest()
    this.#messages = [...this.#messages, ...fresh].sort((one, other) => one.id - other.id)
    for (const message of fresh) if (message.id > first) this.#replace(message)
  }

  /** What stood for this message goes (A). */
  #replace({ id, role, content }: ChatMessage): void {
    if (role === 'user') return this.#outbox?.stored(id, content)
    if (this.#seen.has(id)) return
    // It may be stored before we are told that the turn has ended.
    const isIts = (turn: LiveTurn): boolean => (hasEnded(turn) ? turn.reply === content : isSaid(turn.parts, content))
    const turn = this.#turns.find((one) => one.since < id && isIts(one))
    if (turn === undefined) return
    this.#seen.set(id, turn)
    this.#messages = [...this.#messages]
    this.#turns = this.#turns.filter((one) => one !== turn)
  }
}
