/**
 * Subjects, and the thread of a week: the English edition begins a new thread with the first mail of a week (by its Monday) and
 * answers to it for the rest, so that a mail program shows a week as one conversation. Previews have a thread of their own. The
 * Chinese edition has a new subject each day.
 */
import type { ReportLang } from '../../../protocol/reports.ts'
import { datelineOf, weekOf } from '../day.ts'
import type { ThreadOf, ThreadRow } from '../rows.ts'

/** Longer lists of References are cut by mail servers. */
const REFERENCES = 10

const TITLES: Readonly<Record<ReportLang, string>> = { cn: '每日智能报告', en: 'The Morning Paper' }

export interface Subject {
  readonly subject: string
  readonly reply_to: ThreadOf | null
}

/** The name of the thread that a mail belongs to; null where there are none. */
export const threadOf = (lang: ReportLang, preview: boolean): string | null =>
  lang === 'cn' ? null : preview ? 'en-preview' : 'en'

/** @param known the thread as it is, of this or an earlier week */
export const subjectOf = (lang: ReportLang, date: string, preview: boolean, known: ThreadRow | undefined): Subject => {
  const fresh = `${preview ? '[PREVIEW] ' : ''}${TITLES[lang]} - ${datelineOf(lang, date)}`
  if (threadOf(lang, preview) === null || known === undefined || known.week !== weekOf(date))
    return { subject: fresh, reply_to: null }
  return { subject: `Re: ${known.subject}`, reply_to: { subject: known.subject, message_ids: known.message_ids } }
}

/** The thread as it is once this mail has left. */
export const continued = (name: string, date: string, mail: Subject & { readonly message_id: string }): ThreadRow => ({
  name,
  week: weekOf(date),
  subject: mail.reply_to?.subject ?? mail.subject,
  message_ids: [...(mail.reply_to?.message_ids ?? []), mail.message_id].slice(-REFERENCES),
})
