/** A way for mail to leave. What it must tell is not only whether it worked, but what is known when it did not. */
import type { MailWay } from '../../../protocol/reports.ts'
import type { MailRow } from '../rows.ts'
import type { Attachment } from './message.ts'

/** How an attempt went. */
export type Handed =
  | { readonly ok: true; readonly file?: string; readonly note?: string }
  /** It has certainly not arrived, and will not. `again`: another attempt may go better. */
  | { readonly ok: false; readonly known: true; readonly reason: string; readonly again: boolean }
  /** It may have arrived. */
  | { readonly ok: false; readonly known: false; readonly reason: string }

export interface Way {
  readonly name: MailWay
  /** Whether sending a second time what may have arrived makes one mail: then nothing is ever in doubt. */
  readonly repeatable: boolean
  /**
   * Sends once. Never throws.
   * @param onHanding called before the one step behind which the mail may arrive; to be on disk when it returns
   */
  send(mail: MailRow, attachment: Attachment | null, onHanding: () => void, signal: AbortSignal): Promise<Handed>
}
