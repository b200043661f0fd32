/** What a component wants said or asked. It travels up as an event; the app shows it. */

export interface Notice {
  readonly text: string
  readonly tone?: 'ok' | 'bad' | 'plain'
  /** One thing that can be done about it, such as *Undo*. */
  readonly action?: { readonly title: string; readonly run: () => void }
}

export interface Confirmation {
  /** A question: *Delete the job “backup”?* */
  readonly title: string
  /** What is lost by it. */
  readonly text: string
  /** The name of the deed, on its button. */
  readonly action: string
  readonly danger?: boolean
}

export class NoticeEvent extends Event {
  static readonly NAME = 'panel-notice'
  readonly notice: Notice

  constructor(notice: Notice) {
    super(NoticeEvent.NAME, { bubbles: true, composed: true })
    this.notice = notice
  }
}

export class ConfirmEvent extends Event {
  static readonly NAME = 'panel-confirm'
  readonly confirmation: Confirmation
  readonly answer: (confirmed: boolean) => void

  constructor(confirmation: Confirmation, answer: (confirmed: boolean) => void) {
    super(ConfirmEvent.NAME, { bubbles: true, composed: true })
    this.confirmation = confirmation
    this.answer = answer
  }
}

export const tellNotice = (from: EventTarget, notice: Notice): void => void from.dispatchEvent(new NoticeEvent(notice))

/** Resolves with whether the person said so; with false where they closed the question. */
export const askToConfirm = (from: EventTarget, confirmation: Confirmation): Promise<boolean> =>
  new Promise((resolve) => void from.dispatchEvent(new ConfirmEvent(confirmation, resolve)))
