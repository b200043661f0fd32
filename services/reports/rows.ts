/** The rows of the reports' database, as TypeScript sees them. Names are the columns'; moments in milliseconds since 1970. */
import type { MailWay, ReportEngine, ReportLang, ReportState } from '../../protocol/reports.ts'

type Flag = 0 | 1

export interface ReportRow {
  readonly report_id: string
  readonly lang: ReportLang
  readonly date: string
  readonly preview: Flag
  readonly wants_mail: Flag
  readonly force: Flag
  readonly example: Flag
  readonly state: ReportState
  readonly step: string | null
  readonly reason: string | null
  /** JSON: a list of sentences. */
  readonly notes: string
  readonly tries: number
  readonly run: string | null
  readonly run_at: number | null
  readonly complaint: string | null
  readonly gathered: string | null
  /** JSON: see `content/content.ts`. */
  readonly content: string | null
  readonly density: number
  readonly engine: ReportEngine | null
  readonly pages: number | null
  readonly bytes: number | null
  readonly sha256: string | null
  readonly cost_usd: number | null
  readonly created_at: number
  readonly ended_at: number | null
  readonly revision: number
}

/** What may change of a report. */
export type ReportChange = Partial<Omit<ReportRow, 'report_id' | 'lang' | 'date' | 'created_at' | 'revision'>>

export interface ProgressRow {
  readonly at: number
  readonly state: ReportState
  readonly text: string
}

export type MailState = 'waiting' | 'handing' | 'sent' | 'failed' | 'doubtful'

/** The thread that a mail goes on with. */
export interface ThreadOf {
  readonly subject: string
  readonly message_ids: readonly string[]
}

/** A mail as it is written down before it is sent. */
export interface NewMail {
  readonly report_id: string
  readonly kind: 'report' | 'alert'
  readonly way: MailWay
  readonly message_id: string
  readonly sender: string
  readonly to: readonly string[]
  readonly cc: readonly string[]
  readonly subject: string
  readonly body: string
  readonly reply_to: ThreadOf | null
}

export interface MailRow extends NewMail {
  readonly mail_id: number
  readonly state: MailState
  readonly file: string | null
  readonly attempts: number
  readonly next_at: number | null
  readonly reason: string | null
  readonly created_at: number
  readonly sent_at: number | null
}

export type MailChange = Partial<Pick<MailRow, 'state' | 'file' | 'attempts' | 'next_at' | 'reason' | 'sent_at'>>

/** The thread of a week. */
export interface ThreadRow extends ThreadOf {
  readonly name: string
  readonly week: string
}
