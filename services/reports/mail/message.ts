/** A mail as bytes: the same for a server and for a file, so that what is tested by one holds for the other. */
import MailComposer from 'nodemailer/lib/mail-composer'
import type { MailRow } from '../rows.ts'

export interface Attachment {
  readonly name: string
  /** Where it lies, for a program that takes it from there. */
  readonly path: string
  readonly bytes: Buffer
}

/** RFC 5322, with a text in UTF-8 and the PDF. Lines end in CR LF. */
export const toMessage = async (mail: MailRow, attachment: Attachment | null): Promise<Buffer> => {
  const composer = new MailComposer({
    from: mail.sender,
    to: [...mail.to],
    cc: [...mail.cc],
    subject: mail.subject,
    messageId: mail.message_id,
    date: new Date(mail.created_at),
    ...(mail.reply_to === null
      ? {}
      : { inReplyTo: mail.reply_to.message_ids.at(-1) ?? '', references: [...mail.reply_to.message_ids] }),
    ...(mail.to.length === 0 ? { headers: { To: 'undisclosed-recipients:;' } } : {}),
    text: mail.body,
    attachments:
      attachment === null ? [] : [{ filename: attachment.name, content: attachment.bytes, contentType: 'application/pdf' }],
    // Nothing in a mail of ours is fetched from anywhere.
    disableFileAccess: true,
    disableUrlAccess: true,
    newline: 'windows',
  })
  return await composer.compile().build()
}
