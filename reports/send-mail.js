/**
 * Sends one mail with Mail.app. Switchboard runs it as
 *
 *     osascript -l JavaScript send-mail.js ORDER
 *
 * where ORDER is a JSON file: {"sender", "to", "cc", "subject", "body", "attachment", "reply_to_subject"}; addresses are lists,
 * the attachment a path or null. It answers with one line of JSON: {"sent": true}, or {"sent": false, "stage", "error"}. In the stage
 * "compose" nothing has left; in the stage "send" nobody knows. JavaScript for Automation: there is no Node.js here.
 */
/* global $, Application, ObjC, Path, delay */

/** Mail reads an attachment in the background, and sends without it what is sent at once. */
const ATTACHMENT_SECONDS = 3

function readOrder(file) {
  ObjC.import('Foundation')
  const text = $.NSString.stringWithContentsOfFileEncodingError($(file), $.NSUTF8StringEncoding, null)
  const unwrapped = ObjC.unwrap(text)
  if (unwrapped === undefined || unwrapped === null) throw new Error(`${file} cannot be read`)
  return JSON.parse(unwrapped)
}

/** The newest sent message of the thread, or null. A mailbox that cannot be searched has none. */
function newestSent(mail, subject) {
  let found
  try {
    found = mail.sentMailbox.messages.whose({ subject: { _contains: subject } })()
  } catch (_) {
    return null
  }
  const dated = found.map((message) => ({ message, at: Number(message.dateSent()) }))
  dated.sort((one, other) => other.at - one.at)
  return dated.length === 0 ? null : dated[0].message
}

/** An answer within the thread; its recipients are ours, whoever Mail would have answered. */
function replyTo(mail, original, order) {
  const reply = mail.reply(original, { openingWindow: false, replyToAll: false })
  for (const list of [reply.toRecipients, reply.ccRecipients, reply.bccRecipients]) {
    for (const recipient of list().slice().reverse()) mail.delete(recipient)
  }
  reply.content = order.body
  return reply
}

function compose(mail, order) {
  const message = mail.OutgoingMessage({ subject: order.subject, content: order.body, visible: false })
  mail.outgoingMessages.push(message)
  return message
}

function addRecipients(mail, message, order) {
  for (const address of order.to) message.toRecipients.push(mail.ToRecipient({ address }))
  for (const address of order.cc) message.ccRecipients.push(mail.CcRecipient({ address }))
}

// biome-ignore lint/correctness/noUnusedVariables: osascript calls it
function run(argv) {
  let stage = 'compose'
  try {
    const order = readOrder(argv[0])
    const mail = Application('Mail')
    const original = order.reply_to_subject === null ? null : newestSent(mail, order.reply_to_subject)
    const message = original === null ? compose(mail, order) : replyTo(mail, original, order)
    if (order.sender !== '') message.sender = order.sender
    addRecipients(mail, message, order)
    if (order.attachment !== null) {
      message.attachments.push(mail.Attachment({ fileName: Path(order.attachment) }))
      delay(ATTACHMENT_SECONDS)
      if (message.attachments.length === 0) throw new Error('Mail did not take the attachment')
    }
    stage = 'send'
    if (message.send() === false) {
      return JSON.stringify({ sent: false, stage: 'compose', error: 'Mail refused to send it; is an account set up?' })
    }
    return JSON.stringify({ sent: true })
  } catch (error) {
    return JSON.stringify({ sent: false, stage, error: String(error?.message ?? error) })
  }
}
