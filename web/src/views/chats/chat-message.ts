/** One message of a transcript: a stored one, one on its way, or an answer while it is written. */
import './turn-parts.ts'
import { css, html, nothing } from 'lit'
import { customElement, property } from 'lit/decorators.js'
import type { Approval } from '../../../../protocol/approvals.ts'
import type { ChatMessage } from '../../../../protocol/history.ts'
import { approvalWords } from '../../approvals/words.ts'
import { icon } from '../../components/icon.ts'
import type { Tone } from '../../components/status-chip.ts'
import { PanelElement } from '../../element.ts'
import { clock, day, fullMoment, momentOf } from '../../i18n/format.ts'
import { base } from '../../style/base.ts'
import { hasEnded, isSaid, type LiveTurn, type Part } from './live-turn.ts'
import type { Outgoing } from './outbox.ts'
import type { PastTurn } from './past-turn.ts'
import { chatWords } from './words.ts'

/** What came of permissions, by their ids. */
export type Approvals = ReadonlyMap<string, Approval>

export type Entry =
  | {
      readonly kind: 'message'
      readonly key: string
      readonly message: ChatMessage
      readonly parts: readonly Part[]
      /** What was asked for of an answer whose turn was not seen. */
      readonly past: PastTurn | undefined
      readonly newDay: boolean
      readonly marked: boolean
      readonly approvals: Approvals
    }
  | { readonly kind: 'outgoing'; readonly key: string; readonly message: Outgoing }
  | { readonly kind: 'turn'; readonly key: string; readonly turn: LiveTurn; readonly approvals: Approvals }
  | { readonly kind: 'approval'; readonly key: string; readonly approval: Approval; readonly isTask: boolean }

interface Answer {
  readonly separator: unknown
  readonly marked: boolean
  readonly about: unknown
  readonly parts: readonly Part[]
  readonly approvals: Approvals
  /** Empty while it is written. */
  readonly reply: string
  readonly end: unknown
}

/** What a person wants done with an entry. */
export class EntryEvent extends Event {
  readonly deed: 'resend' | 'discard' | 'link' | 'past'
  readonly key: string

  constructor(deed: EntryEvent['deed'], key: string) {
    super('entry', { bubbles: true, composed: true })
    this.deed = deed
    this.key = key
  }
}

@customElement('chat-message')
export class ChatMessageElement extends PanelElement {
  static override styles = [
    base,
    css`
      article {
        position: relative;
        max-width: 780px;
        margin: 0 auto;
        padding: 7px 16px;
      }
      .day {
        display: flex;
        align-items: center;
        gap: 12px;
        max-width: 780px;
        margin: 12px auto 6px;
        padding: 0 16px;
        font-size: 12px;
        color: var(--muted);
      }
      .day::before,
      .day::after {
        content: '';
        flex: 1;
        border-top: 1px solid var(--line);
      }
      .about {
        display: flex;
        align-items: center;
        gap: 8px;
        min-height: 22px;
        margin-bottom: 2px;
        font-size: 12.5px;
        color: var(--muted);
      }
      .about b {
        font-weight: 600;
        color: var(--text);
      }
      .about button.quiet {
        min-width: 24px;
        min-height: 22px;
        padding: 0 4px;
        opacity: 0;
      }
      article:hover button.quiet,
      button.quiet:focus-visible {
        opacity: 1;
      }
      .mine {
        display: grid;
        justify-items: end;
      }
      .mine .about {
        justify-content: flex-end;
      }
      .mine .about button {
        order: -1;
      }
      .bubble {
        width: fit-content;
        max-width: min(100%, 620px);
        padding: 8px 13px;
        border-radius: 14px 14px 4px 14px;
        background: var(--accent-soft);
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
      .outgoing .bubble {
        opacity: 0.75;
      }
      turn-parts:not([hidden]) + markdown-text {
        margin-top: 8px;
      }
      .state {
        display: flex;
        align-items: center;
        flex-wrap: wrap;
        gap: 8px;
        min-height: 26px;
        margin-top: 4px;
        font-size: 12.5px;
        color: var(--muted);
      }
      .bad {
        color: var(--bad);
      }
      .marked {
        border-radius: 12px;
        animation: mark 2.4s ease-out;
      }
      @keyframes mark {
        0%,
        40% {
          background: var(--warn-soft);
        }
      }
      .dots {
        display: inline-flex;
        gap: 4px;
      }
      .dots i {
        width: 5px;
        height: 5px;
        border-radius: 50%;
        background: var(--accent);
        animation: blink 1.2s infinite;
      }
      .dots i:nth-child(2) {
        animation-delay: 0.2s;
      }
      .dots i:nth-child(3) {
        animation-delay: 0.4s;
      }
      @keyframes blink {
        40% {
          opacity: 0.2;
        }
      }
      @media (prefers-reduced-motion: reduce) {
        .dots i,
        .marked {
          animation: none;
        }
        .marked {
          outline: 2px solid var(--warn);
        }
      }
      @media (hover: none) {
        .about button.quiet {
          opacity: 1;
        }
      }
    `,
  ]

  @property({ attribute: false }) entry: Entry | undefined

  override render() {
    const { entry } = this
    if (entry === undefined || entry.kind === 'approval') return nothing
    if (entry.kind === 'message') return this.#stored(entry)
    return entry.kind === 'outgoing' ? this.#outgoing(entry.message) : this.#turn(entry)
  }

  #do(deed: EntryEvent['deed'], key: string): void {
    this.dispatchEvent(new EntryEvent(deed, key))
  }

  #stored({ message, parts, past, newDay, marked, approvals }: Extract<Entry, { kind: 'message' }>): unknown {
    const at = momentOf(message.created_at)
    const separator = newDay ? html`<p class="day">${day(at)}</p>` : nothing
    if (message.role === 'assistant') {
      const shown = past?.state === 'read' && past.open ? past.parts : parts
      const isSeen = parts.length > 0 || message.turn_id === null
      const about = html`${this.#about(message.id, at)}${isSeen ? nothing : this.#pastButton(message.id, past)}`
      return this.#answer({
        separator,
        marked,
        about,
        parts: shown,
        approvals,
        reply: message.content,
        end: this.#pastNote(past),
      })
    }
    const text = chatWords()
    // What has no name of its own is called by the way it came, where that is no matter of course.
    const who = message.username ?? message.user_id ?? (message.source === 'telegram' ? text.user : message.source)
    return html`${separator}
      <article class="mine ${marked ? 'marked' : ''}">
        <div class="about"><b>${who}</b>${this.#about(message.id, at)}</div>
        <div class="bubble">${message.content}</div>
      </article>`
  }

  #about(id: number, at: number): unknown {
    const text = chatWords()
    return html`<time datetime=${new Date(at).toISOString()} title=${fullMoment(at)}>${clock(at)}</time>
      <button class="quiet" aria-label=${text.link} title=${text.link} @click=${() => this.#do('link', String(id))}>${icon('copy', 14)}</button>`
  }

  #pastButton(id: number, past: PastTurn | undefined): unknown {
    const isOpen = past?.state === 'read' && past.open
    return html`<button class="quiet past" aria-expanded=${isOpen} @click=${() => this.#do('past', String(id))}>
      ${icon('tool', 14)}${chatWords().past}
    </button>`
  }

  #pastNote(past: PastTurn | undefined): unknown {
    const note = past === undefined ? undefined : noteOf(past)
    return note === undefined ? nothing : html`<p class="state" role="status">${note}</p>`
  }

  #outgoing({ key, text: content, failure }: Outgoing): unknown {
    const text = chatWords()
    return html`<article class="mine outgoing">
      <div class="about"><b>${text.user}</b></div>
      <div class="bubble">${content}</div>
      ${
        failure === undefined
          ? html`<p class="state">${text.sending}</p>`
          : html`<p class="state bad" role="alert">
              ${icon('warning', 15)}${text.notSent}: ${failure.message}
              <button class="plain" @click=${() => this.#do('resend', key)}>${text.again}</button>
              <button class="plain" @click=${() => this.#do('discard', key)}>${text.discard}</button>
            </p>`
      }
    </article>`
  }

  #turn({ turn, approvals }: Extract<Entry, { kind: 'turn' }>): unknown {
    const end = hasEnded(turn)
      ? this.#end(turn)
      : html`<p class="state"><span class="dots"><i></i><i></i><i></i></span>${this.#doing(turn, approvals)}</p>`
    return this.#answer({
      separator: nothing,
      marked: false,
      about: nothing,
      parts: turn.parts,
      approvals,
      reply: turn.reply ?? '',
      end,
    })
  }

  /** An answer, while it is written and later: the same nodes, so that nothing moves when it is stored. */
  #answer({ separator, marked, about, parts, approvals, reply, end }: Answer): unknown {
    // The reply decides; often it is what was appended already, or the last part of that.
    return html`${separator}
      <article class=${marked ? 'marked' : ''}>
        <div class="about"><b>${chatWords().assistant}</b>${about}</div>
        <turn-parts .parts=${parts} .approvals=${approvals} ?hidden=${parts.length === 0}></turn-parts>
        ${reply === '' || isSaid(parts, reply) ? nothing : html`<markdown-text .text=${reply}></markdown-text>`}
        ${end}
      </article>`
  }

  #doing({ state, ahead, retrying, parts }: LiveTurn, approvals: Approvals): string {
    const text = chatWords()
    if (parts.some((part) => part.kind === 'approval' && approvals.get(part.approval_id)?.state === 'waiting'))
      return approvalWords().working
    if (retrying !== undefined) return text.retrying(retrying)
    if (state === 'waiting') return text.waiting(ahead)
    return parts.length === 0 ? text.starting : text.working
  }

  #end({ state, reason }: LiveTurn): unknown {
    if (state === 'answered') return nothing
    const names: Readonly<Record<string, string>> = chatWords().ended
    const tone: Tone = state === 'failed' || state === 'expired' ? 'bad' : 'warn'
    return html`<p class="state"><status-chip tone=${tone}>${names[state] ?? state}</status-chip>${reason ?? nothing}</p>`
  }
}

/** What there is to say of a past turn, beside its parts. */
const noteOf = (past: PastTurn): string | undefined => {
  const text = chatWords()
  if (past.state === 'failed') return `${text.pastFailed}: ${past.failure.message}`
  if (past.state !== 'read') return text.pastState[past.state]
  if (!past.open) return undefined
  if (past.cut) return text.pastCut
  return past.parts.every(({ kind }) => kind === 'text') ? text.pastNone : undefined
}
