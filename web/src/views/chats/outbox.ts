/**
 * What was written in a chat and is on its way. It stays with its chat while the panel is open, as drafts do: who leaves the chat
 * loses nothing by it, and finds there what could not be sent.
 *
 * - **A** A message is sent once: it keeps its key over any number of tries, and tries end only with an answer or a person's word.
 */
import type { Connection } from '../../connection/connection.ts'
import { type Failure, toFailure } from '../../connection/failure.ts'
import type { ChatPlace } from './chat-place.ts'

/** A message on its way. */
export interface Outgoing {
  readonly key: string
  readonly text: string
  /** Undefined while it is tried. */
  readonly failure: Failure | undefined
  /** The newest message that was stored when it was written. */
  readonly since: number
}

/** Who looks at the chat. */
export interface OutboxViewer {
  onChange(): void
  /** A message was taken; it is shown until `stored` says that it stands among the others. */
  onTaken(turn_id: string): void
}

type Chat = NonNullable<ChatPlace['chat']>

export class Outbox {
  readonly #connection: Connection
  readonly #chat: Chat
  readonly #taken = new Set<string>()
  #messages: readonly Outgoing[] = []
  #viewer: OutboxViewer | undefined

  constructor(connection: Connection, chat: Chat) {
    this.#connection = connection
    this.#chat = chat
  }

  get messages(): readonly Outgoing[] {
    return this.#messages
  }

  /** The chat is looked at; gives back how to stop. */
  view(viewer: OutboxViewer): () => void {
    this.#viewer = viewer
    return () => {
      if (this.#viewer !== viewer) return
      this.#viewer = undefined
      // Who comes back reads these from history.
      for (const key of this.#taken) this.discard(key)
    }
  }

  send(text: string, since: number): void {
    const message: Outgoing = { key: crypto.randomUUID(), text, failure: undefined, since }
    this.#become([...this.#messages, message])
    void this.#deliver(message)
  }

  /** Tries a message again that could not be sent. */
  resend(key: string): void {
    const message = this.#messages.find((one) => one.key === key)
    if (message?.failure === undefined) return
    this.#fail(key, undefined)
    void this.#deliver(message)
  }

  /** Gives up a message that could not be sent. */
  discard(key: string): void {
    this.#taken.delete(key)
    this.#become(this.#messages.filter((message) => message.key !== key))
  }

  /** A message of a person was stored: what stood for it goes. */
  stored(id: number, content: string): void {
    const message = this.#messages.find(({ text, since }) => text === content && since < id)
    if (message !== undefined) this.discard(message.key)
  }

  #become(messages: readonly Outgoing[]): void {
    this.#messages = messages
    this.#viewer?.onChange()
  }

  #fail(key: string, failure: Failure | undefined): void {
    this.#become(this.#messages.map((message) => (message.key === key ? { ...message, failure } : message)))
  }

  async #deliver({ key, text }: Outgoing): Promise<void> {
    for (;;) {
      try {
        const { turn_id } = await this.#connection.call('sessions.send', { ...this.#chat, message: text, idempotency_key: key })
        if (this.#viewer === undefined) return this.discard(key)
        // It may be stored already.
        if (this.#messages.some((message) => message.key === key)) this.#taken.add(key)
        return this.#viewer.onTaken(turn_id)
      } catch (error) {
        const failure = toFailure(error)
        if (failure.code !== 'offline') return this.#fail(key, failure)
        // A: nobody knows whether it was taken. The same key makes the next try the same message.
        await this.#connected()
      }
    }
  }

  #connected(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#connection.state === 'live') return resolve()
      const stop = this.#connection.onState(() => {
        if (this.#connection.state !== 'live') return
        stop()
        resolve()
      })
    })
  }
}

const outboxes = new Map<string, Outbox>()

/** The outbox of a chat; one for as long as the panel is open. Undefined for a chat that can be read only. */
export const outboxOf = (connection: Connection, { session_id, chat }: ChatPlace): Outbox | undefined => {
  if (chat === null) return undefined
  const outbox = outboxes.get(session_id) ?? new Outbox(connection, chat)
  outboxes.set(session_id, outbox)
  return outbox
}
