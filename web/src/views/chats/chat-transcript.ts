/** One open chat: its messages, what is being answered, and the field to write in. */
import '../../approvals/approval-card.ts'
import '../../components/virtual-list.ts'
import './chat-menu.ts'
import './chat-message.ts'
import './message-composer.ts'
import { css, html, nothing, type PropertyValues } from 'lit'
import { customElement, property, query, state } from 'lit/decorators.js'
import type { Approval } from '../../../../protocol/approvals.ts'
import { approvalWords } from '../../approvals/words.ts'
import { copyText } from '../../clipboard.ts'
import { icon } from '../../components/icon.ts'
import type { BottomEvent, VirtualList } from '../../components/virtual-list.ts'
import { toFailure } from '../../connection/failure.ts'
import { PanelElement } from '../../element.ts'
import { Live } from '../../live.ts'
import { go, href } from '../../router.ts'
import { base } from '../../style/base.ts'
import type { Approvals, Entry, EntryEvent } from './chat-message.ts'
import { type ChatPlace, linkTo, titleOf } from './chat-place.ts'
import type { MessageComposer, MessageEvent } from './message-composer.ts'
import { Transcript } from './transcript.ts'
import { chatWords } from './words.ts'

@customElement('chat-transcript')
export class ChatTranscript extends PanelElement {
  static override styles = [
    base,
    css`
      :host {
        display: flex;
        flex-direction: column;
        height: 100%;
        min-width: 0;
      }
      header {
        display: flex;
        align-items: center;
        gap: 10px;
        min-height: 54px;
        padding: 6px 12px 6px 18px;
        border-bottom: 1px solid var(--line);
        background: var(--surface);
      }
      header h1 {
        font-size: 16px;
      }
      header div {
        min-width: 0;
      }
      .back {
        display: none;
        place-items: center;
        width: 40px;
        height: 40px;
        color: var(--muted);
      }
      .middle {
        position: relative;
        flex: 1;
        min-height: 0;
      }
      .newest {
        position: absolute;
        inset: auto 0 10px;
        margin: 0 auto;
        width: fit-content;
        min-height: 34px;
        border-radius: 99px;
        box-shadow: var(--shadow-high);
      }
      .note {
        max-width: 780px;
        margin: 0 auto;
        padding: 10px 16px 16px;
        color: var(--muted);
      }
      .top {
        padding: 14px;
        text-align: center;
        font-size: 12.5px;
        color: var(--muted);
      }
      @media (max-width: 860px) {
        .back {
          display: grid;
        }
        header {
          padding-inline-start: 8px;
        }
      }
    `,
  ]

  @property({ attribute: false }) place: ChatPlace | undefined
  /** A message to be shown, by its id. */
  @property() message: string | undefined
  @state() private atBottom = true
  /** Flashes once. */
  @state() private marked: number | undefined
  @query('virtual-list') private readonly list!: VirtualList<Entry> | null
  @query('message-composer') private readonly composer!: MessageComposer | null
  #transcript: Transcript | undefined
  #stored:
    | {
        readonly messages: Transcript['messages']
        readonly marked: number | undefined
        readonly approvals: Approvals
        readonly entries: readonly Entry[]
      }
    | undefined
  #wasBusy = false
  #announcement = ''
  /** What was announced last of what waits. */
  #announced: string | undefined
  /** The permissions that were asked for in this chat, eldest first. */
  readonly #approvals = new Live(this, {
    args: () => (this.place?.chat ? ([this.place.chat.bot_id, this.place.chat.chat_id] as const) : null),
    load: async (connection, [bot_id, chat_id]): Promise<Approvals> => {
      const { approvals } = await connection.call('sessions.approvals', { bot_id, chat_id })
      return new Map(approvals.map((approval) => [approval.approval_id, approval]))
    },
    topics: ['sessions.approval_changed'],
    concerns: (_, payload) => {
      const chat = this.place?.chat
      return 'chat_id' in payload && payload.bot_id === chat?.bot_id && payload.chat_id === chat.chat_id
    },
  })

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#transcript?.close()
    this.#transcript = undefined
  }

  override connectedCallback(): void {
    super.connectedCallback()
    if (this.hasUpdated) this.requestUpdate('place')
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const { place } = this
    if (place !== undefined && this.#transcript?.place.session_id !== place.session_id) {
      this.#transcript?.close()
      this.#transcript = new Transcript(this.connection, place, () => this.#onChange())
      this.#transcript.open()
      this.#wasBusy = false
      this.marked = undefined
      this.atBottom = true
      if (this.message !== undefined) void this.#show(Number(this.message))
    } else if (changed.has('message') && this.message !== undefined) void this.#show(Number(this.message))
    const newest = this.#waiting().at(-1)
    if (newest !== undefined && newest.approval_id !== this.#announced)
      this.#announcement = approvalWords().announce(newest.title)
    this.#announced = newest?.approval_id
  }

  #waiting(): Approval[] {
    return [...(this.#approvals.value?.values() ?? [])].filter(({ state }) => state === 'waiting')
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has('place') && matchMedia('(hover: hover)').matches && this.message === undefined) this.composer?.focus()
  }

  #onChange(): void {
    const busy = this.#transcript?.busy ?? false
    if (busy !== this.#wasBusy) this.#announcement = busy ? chatWords().announceWorking : chatWords().announceAnswered
    this.#wasBusy = busy
    this.requestUpdate()
  }

  async #show(id: number): Promise<void> {
    const transcript = this.#transcript
    if (!Number.isSafeInteger(id) || transcript === undefined) return
    const found = await transcript.reach(id)
    if (transcript !== this.#transcript) return
    if (!found) return this.notify({ text: chatWords().notFound, tone: 'bad' })
    this.marked = id
    await this.updateComplete
    this.list?.toItem(transcript.turnOf(id)?.turn_id ?? `m${id}`)
  }

  /** Made anew only when they are others: every word that is said passes here. */
  #storedEntries(transcript: Transcript): readonly Entry[] {
    const { messages } = transcript
    const known = this.#stored
    const approvals = this.#approvals.value ?? NO_APPROVALS
    if (known?.messages === messages && known.marked === this.marked && known.approvals === approvals) return known.entries
    const dayOf = (index: number): string | undefined => messages[index]?.created_at.slice(0, 10)
    const entries = messages.map((message, index): Entry => {
      const [newDay, marked] = [dayOf(index) !== dayOf(index - 1), message.id === this.marked]
      // The same key as while it was written: its place on the screen goes on.
      const turn = transcript.turnOf(message.id)
      const key = turn?.turn_id ?? `m${message.id}`
      const past = transcript.past.of(message.id)
      return { kind: 'message', key, message, parts: turn?.parts ?? [], past, newDay, marked, approvals }
    })
    this.#stored = { messages, marked: this.marked, approvals, entries }
    return entries
  }

  #entries(transcript: Transcript): readonly Entry[] {
    const { outgoing, turns } = transcript
    return [
      ...this.#storedEntries(transcript),
      ...outgoing.map((message): Entry => ({ kind: 'outgoing', key: message.key, message })),
      ...turns.map(
        (turn): Entry => ({ kind: 'turn', key: turn.turn_id, turn, approvals: this.#approvals.value ?? NO_APPROVALS }),
      ),
      ...this.#waiting().map((approval): Entry => {
        const isTask = transcript.isTask(approval.turn_id)
        return { kind: 'approval', key: `a${approval.approval_id}`, approval, isTask }
      }),
    ]
  }

  override render() {
    const { place } = this
    const transcript = this.#transcript
    if (place === undefined || transcript === undefined) return nothing
    const text = chatWords()
    const title = titleOf(place)
    return html`<header>
        <a class="back" href=${href('chats')} aria-label=${text.back}>${icon('back')}</a>
        <div class="grow">
          <h1 class="cut">${title}</h1>
          <p class="muted small cut">${place.chat?.bot_id ?? place.session_id}</p>
        </div>
        ${
          this.#waiting().length > 0
            ? html`<status-chip tone="warn">${approvalWords().asking}</status-chip>`
            : transcript.busy
              ? html`<status-chip tone="busy">${text.busy}</status-chip>`
              : nothing
        }
        ${place.chat === null ? nothing : html`<chat-menu .chat=${place.chat}></chat-menu>`}
      </header>
      <div class="middle">${this.#middle(transcript, text.transcript(title))}</div>
      <p class="visually-hidden" role="status">${this.#announcement}</p>
      ${
        place.chat === null
          ? html`<p class="note">${text.readOnly}</p>`
          : html`<message-composer
              chat=${place.session_id}
              ?busy=${transcript.busy}
              @message=${(event: Event) => this.#send((event as unknown as MessageEvent).text)}
              @interrupt=${this.#interrupt}
            ></message-composer>`
      }`
  }

  #middle(transcript: Transcript, label: string): unknown {
    const text = chatWords()
    if (transcript.failure !== undefined)
      return html`<failed-state .failure=${transcript.failure} .retry=${transcript.retry}></failed-state>`
    if (!transcript.loaded && transcript.turns.length === 0 && transcript.outgoing.length === 0)
      return html`<skeleton-rows rows="8"></skeleton-rows>`
    const entries = this.#entries(transcript)
    if (entries.length === 0) return html`<empty-state icon="chats" heading=${text.none}>${text.noneHelp}</empty-state>`
    return html`<virtual-list
        label=${label}
        .items=${entries}
        .keyOf=${keyOf}
        .draw=${draw}
        @near-top=${() => transcript.older()}
        @bottom-change=${(event: BottomEvent) => (this.atBottom = event.atBottom)}
        @entry=${this.#onEntry}
        @decided=${this.#approvals.reload}
      ></virtual-list>
      ${
        this.atBottom
          ? nothing
          : html`<button class="plain newest" @click=${() => this.#toBottom()}>${icon('down', 16)}${text.newest}</button>`
      }`
  }

  #send(message: string): void {
    this.#transcript?.send(message)
    this.#toBottom()
  }

  #toBottom(): void {
    this.atBottom = true
    this.list?.toBottom()
  }

  #onEntry = ({ deed, key }: EntryEvent): void => {
    if (deed === 'resend') this.#transcript?.resend(key)
    else if (deed === 'discard') this.#transcript?.discard(key)
    else if (deed === 'past') this.#togglePast(Number(key))
    else if (this.place !== undefined) {
      const link = linkTo(this.place, { message: key })
      go(link, { replace: true })
      // Where there is no clipboard, the address line has the link.
      void copyText(new URL(link, location.href).href).then((isCopied) =>
        this.notify(isCopied ? { text: chatWords().linked, tone: 'ok' } : { text: location.href }),
      )
    }
  }

  #togglePast(id: number): void {
    const message = this.#transcript?.messages.find((one) => one.id === id)
    if (message !== undefined) void this.#transcript?.past.toggle(message)
  }

  #interrupt = async (): Promise<void> => {
    const chat = this.place?.chat
    if (chat === null || chat === undefined) return
    try {
      const { interrupted } = await this.connection.call('sessions.interrupt', chat)
      this.notify({ text: interrupted ? chatWords().interrupted : chatWords().notInterrupted })
    } catch (error) {
      this.notify({ text: toFailure(error).message, tone: 'bad' })
    }
  }
}

const NO_APPROVALS: Approvals = new Map()
const keyOf = (entry: Entry): string => entry.key
const draw = (entry: Entry): unknown =>
  entry.kind === 'approval'
    ? html`<approval-card .approval=${entry.approval} ?task=${entry.isTask}></approval-card>`
    : html`<chat-message .entry=${entry}></chat-message>`
