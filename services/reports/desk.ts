/** The desk from which mails go out: what is written in them, and to whom. It decides and writes rows; it sends nothing. */
import { randomUUID } from 'node:crypto'
import type { EnglishContent } from './content/english.ts'
import { datelineOf } from './day.ts'
import { ownerOf, recipientsOf } from './mail/recipients.ts'
import { continued, subjectOf, threadOf } from './mail/thread.ts'
import type { Way } from './mail/way.ts'
import { contentOf, textOf } from './papers.ts'
import type { MailRow, NewMail, ReportRow } from './rows.ts'
import type { Settings } from './settings.ts'
import type { Day, Store } from './store.ts'

/** Who we are where nobody was named: a file needs no account. */
const NOBODY = 'switchboard@localhost'

const dayOf = ({ lang, date, preview }: ReportRow): Day => ({ lang, date, preview })

/** Unique, and no name of this machine leaves the house with it. */
const messageId = (sender: string): string => `<${randomUUID()}@${sender.split('@')[1] ?? 'localhost'}>`

const bodyOf = (report: ReportRow): string => {
  if (report.lang === 'cn')
    return `早上好！以下是${datelineOf('cn', report.date)}的日报，排版后的版本见附件。\n\n${textOf(report)}\n\n祝您今天一切顺利！\n`
  const { weather } = contentOf(report) as EnglishContent
  return `Good morning!\n\nIt is ${datelineOf('en', report.date)}. ${weather}\n\nYour paper is attached.\n\nHave a lovely day!\n`
}

/** What the owner reads of a report that has failed. */
export const wordsToOwner = (
  report: ReportRow,
  state: 'failed' | 'doubtful',
  reason: string,
  mail: MailRow | undefined,
): string => {
  const edition = report.lang === 'cn' ? 'Chinese' : 'English'
  const again = `switchboard report --lang ${report.lang}${report.preview === 1 ? ' --preview' : ''} --date ${report.date}`
  if (state === 'failed')
    return `The ${edition} report of ${report.date} could not be made (${report.state}).\n\n${reason}\n\nTo try again: ${again}\n`
  return `It is not known whether the ${edition} report of ${report.date} has arrived: ${reason}.\n
It was for ${[...(mail?.to ?? []), ...(mail?.cc ?? [])].join(', ')}, with the Message-ID ${mail?.message_id ?? 'unknown'}. Look whether it is there. If it is not, send it again: ${again} --force\n`
}

export interface DeskDeps {
  readonly store: Store
  readonly settings: Settings
  readonly way: Way['name']
}

export class Desk {
  readonly #deps: DeskDeps

  constructor(deps: DeskDeps) {
    this.#deps = deps
  }

  /** Who would get the report now; and what keeps it from being mailed, where something does. */
  readers(report: ReportRow): { readonly to: readonly string[]; readonly cc: readonly string[] } | { readonly note: string } {
    const { store, settings, way } = this.#deps
    const { to, cc } = recipientsOf(settings, report.lang, report.preview === 1)
    if (to.length === 0 && way !== 'files')
      return { note: `It was not mailed: nobody is named in ${variablesOf(report).join(' or ')}` }
    // A file needs no reader; the empty address keeps it from being written twice.
    const had = report.force === 1 ? [] : store.takers(dayOf(report), to.length === 0 ? [''] : [...to, ...cc])
    const left = { to: to.filter((address) => !had.includes(address)), cc: cc.filter((address) => !had.includes(address)) }
    if (had.length > 0 && left.to.length + left.cc.length === 0)
      return { note: 'It was not mailed: that day’s report has gone to everybody already (--force mails it again)' }
    return left.to.length === 0 ? { to: left.cc, cc: [] } : left
  }

  /** The mail with the report, or why there is none. */
  mailFor(report: ReportRow): { readonly mail: NewMail } | { readonly note: string } {
    const { store, settings, way } = this.#deps
    const readers = this.readers(report)
    if ('note' in readers) return readers
    const sender = this.#sender()
    if (sender === null) return { note: 'It was not mailed: REPORT_SENDER, the address it comes from, is not set' }
    const thread = threadOf(report.lang, report.preview === 1)
    const known = thread === null ? undefined : store.thread(thread)
    const { report_id, lang, date, preview } = report
    return {
      mail: {
        report_id,
        kind: 'report',
        way,
        message_id: messageId(sender),
        sender: way === 'mail-app' ? (settings.REPORT_SENDER ?? '') : sender,
        ...readers,
        ...subjectOf(lang, date, preview === 1, known),
        body: bodyOf(report),
      },
    }
  }

  /** Writes the mail down, with who gets it; within the transaction that lets the report go out. */
  post(report: ReportRow, mail: NewMail, now: number): void {
    const { store } = this.#deps
    const { mail_id } = store.addMail(mail, now)
    const addresses = [...mail.to, ...mail.cc]
    store.take(dayOf(report), addresses.length === 0 ? [''] : addresses, mail_id, report.force === 1)
  }

  /** The mail to the owner, or null where no owner is named. */
  alertFor(report: ReportRow, body: string): NewMail | null {
    const { settings, way } = this.#deps
    const to = ownerOf(settings, report.lang)
    const sender = this.#sender()
    if (to.length === 0 || sender === null) return null
    const subject = `Switchboard: the ${report.lang === 'cn' ? 'Chinese' : 'English'} report of ${report.date} needs you`
    const { report_id } = report
    return { report_id, kind: 'alert', way, message_id: messageId(sender), sender, to, cc: [], subject, body, reply_to: null }
  }

  /** The thread goes on from a mail that has left; within the transaction that says so. */
  keepThread(report: ReportRow, mail: MailRow): void {
    const name = threadOf(report.lang, report.preview === 1)
    if (name !== null) this.#deps.store.keepThread(continued(name, report.date, mail))
  }

  #sender(): string | null {
    const { settings, way } = this.#deps
    if (settings.REPORT_SENDER !== undefined) return settings.REPORT_SENDER
    return way === 'smtp' ? null : NOBODY
  }
}

/** Where the readers of a report would be named. */
const variablesOf = ({ lang, preview }: ReportRow): string[] =>
  preview === 1 ? ['REPORT_CC'] : [lang === 'cn' ? 'REPORT_TO_PRIMARY' : 'REPORT_TO_SECONDARY', 'REPORT_CC']
