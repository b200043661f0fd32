/**
 * Mails on their way. A row *waits*; an attempt makes it *handing* right before the one step behind which it may arrive; then it is
 * *sent*, or *waits* for the next attempt, or has *failed*. *Handing* after a crash, with a way that cannot repeat it, is *doubtful*.
 *
 * - **A** *Handing* is on disk before the mail may arrive, so that *waiting* means: nothing has left. It may be sent.
 * - **B** What may have arrived is never sent again by itself. SMTP knows no key under which a second copy would be recognised, and
 *   no way to ask: so the choice is between never twice and never none, and a paper that comes twice every time a machine
 *   is unlucky is worse than an owner who is told once. Whoever looks and finds none sends it by hand, under the same Message-ID.
 * - **C** The end of a mail and what follows from it are one transaction. What came of an attempt is written down before anything
 *   else is sent, however long the disk takes; a service that ends before leaves it *handing*.
 */
import { createClosing } from '../../runtime/deadline.ts'
import type { Log } from '../../runtime/log.ts'
import { untilWritten } from '../../runtime/until-written.ts'
import type { At } from '../points.ts'
import type { MailRow } from '../rows.ts'
import type { Store } from '../store.ts'
import type { Attachment } from './message.ts'
import type { Handed, Way } from './way.ts'

/** After the first, second, … failed attempt; the mail has failed after the last one. */
export const RETRY_MS: readonly number[] = [30_000, 120_000, 600_000, 1_800_000, 3_600_000]

/** Timers may come a little late; a look that finds nothing due costs nothing. */
const LOOK_MS = 1_000

export const IN_DOUBT =
  'The service ended while the mail was being handed over: it may have arrived, and is not sent again by itself'

export interface MailerDeps {
  readonly store: Store
  readonly ways: Readonly<Record<Way['name'], Way>>
  readonly log: Log
  readonly at: At
  readonly now: () => number
  readonly retry_ms: readonly number[]
  /** Throws what is to be said where the file is not there any more. */
  readonly attachmentOf: (mail: MailRow) => Attachment | null
  /** Within the transaction that ends the mail; what it gives back is called after the commit. */
  readonly onEnd: (mail: MailRow) => () => void
}

export class Mailer {
  readonly #deps: MailerDeps
  readonly #closing = createClosing()
  #timer: NodeJS.Timeout | undefined
  #work: Promise<void> | undefined
  #isEnding = false

  constructor(deps: MailerDeps) {
    this.#deps = deps
  }

  /** B: what the last life was handing over. */
  recover(): void {
    const { store, ways } = this.#deps
    for (const mail of store.openMails()) {
      if (mail.state !== 'handing') continue
      if (ways[mail.way].repeatable) store.changeMail(mail.mail_id, ['handing'], { state: 'waiting' })
      else this.#end(mail, { state: 'doubtful', reason: IN_DOUBT })
    }
  }

  start(): void {
    this.#timer = setInterval(() => this.poke(), LOOK_MS)
    this.poke()
  }

  /** Sends what is due, one after another. */
  poke(): void {
    if (this.#work !== undefined || this.#isEnding || this.#closing.signal.aborted) return
    this.#work = this.#sendAll().finally(() => {
      this.#work = undefined
    })
  }

  /** Begins nothing more and lets the mail that is on its way arrive. */
  async drain(): Promise<void> {
    clearInterval(this.#timer)
    this.#isEnding = true
    await this.#work
  }

  /** Breaks off what is on its way. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.#closing.abort()
    await this.#work
  }

  async #sendAll(): Promise<void> {
    const { store, log, now } = this.#deps
    const tried = new Set<number>()
    for (;;) {
      const due = store
        .openMails()
        .find((mail) => mail.state === 'waiting' && (mail.next_at ?? 0) <= now() && !tried.has(mail.mail_id))
      if (due === undefined || this.#isEnding || this.#closing.signal.aborted) return
      tried.add(due.mail_id)
      try {
        await this.#send(due)
      } catch (error) {
        log.error({ err: error, mail_id: due.mail_id }, 'A mail could not be tried')
      }
    }
  }

  async #send(mail: MailRow): Promise<void> {
    const { store, ways, at, log, attachmentOf } = this.#deps
    const { mail_id } = mail
    const onHanding = (): void => {
      at('mail_streamed')
      // A: cancelled meanwhile, it does not leave.
      if (!store.changeMail(mail_id, ['waiting'], { state: 'handing' })) throw new Error('the mail was taken back')
      at('mail_handing')
    }
    let attachment: Attachment | null
    try {
      attachment = attachmentOf(mail)
    } catch (error) {
      return this.#end(mail, { state: 'failed', reason: (error as Error).message })
    }
    const handed = await ways[mail.way].send(mail, attachment, onHanding, this.#closing.signal)
    if (handed.ok) at('mail_taken')
    else if (handed.known) log.warn({ mail_id, reason: handed.reason }, 'A mail could not be sent')
    await untilWritten(log, 'what came of a mail', { mail_id }, () => this.#settle(mail, handed), this.#closing.signal)
  }

  #settle(mail: MailRow, handed: Handed): void {
    if (handed.ok) return this.#end(mail, { state: 'sent', reason: handed.note ?? null, file: handed.file ?? null })
    if (!handed.known) return this.#end(mail, { state: 'doubtful', reason: handed.reason })
    // Nothing has left, and the next life sends it.
    if (this.#closing.signal.aborted) return void this.#deps.store.changeMail(mail.mail_id, ['handing'], { state: 'waiting' })
    this.#again(mail, handed)
  }

  #again(mail: MailRow, { reason, again }: Extract<Handed, { known: true }>): void {
    const { store, now, retry_ms } = this.#deps
    const delay = again ? retry_ms[mail.attempts] : undefined
    if (delay === undefined) return this.#end(mail, { state: 'failed', reason })
    const next = { state: 'waiting', attempts: mail.attempts + 1, next_at: now() + delay, reason } as const
    store.changeMail(mail.mail_id, ['waiting', 'handing'], next)
  }

  /** C */
  #end(mail: MailRow, end: { state: 'sent' | 'failed' | 'doubtful'; reason: string | null; file?: string | null }): void {
    const { store, now, onEnd } = this.#deps
    const { mail_id, attempts } = mail
    const sent_at = end.state === 'sent' ? now() : null
    const tell = store.atomically(() => {
      const change = { file: null, ...end, sent_at, next_at: null, attempts: attempts + 1 }
      if (!store.changeMail(mail_id, ['waiting', 'handing'], change)) return () => undefined
      if (end.state === 'failed') store.release(mail_id)
      return onEnd(store.mail(mail_id) as MailRow)
    })
    tell()
  }
}
