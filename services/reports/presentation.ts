/** Rows as the contract shows them. */
import { join } from 'node:path'
import type { Report, ReportMail, ReportSummary } from '../../protocol/reports.ts'
import { fileName, textOf } from './papers.ts'
import type { MailRow, ProgressRow, ReportRow } from './rows.ts'

const toMail = (mail: MailRow): ReportMail => {
  const { state, way, subject, to, cc, message_id, file, attempts, next_at, sent_at, reason } = mail
  return { state, way, subject, to: [...to], cc: [...cc], message_id, file, attempts, next_at, sent_at, reason }
}

export const toSummary = (report: ReportRow, mail: MailRow | undefined): ReportSummary => {
  const { report_id, lang, date, state, step, reason, engine, pages, bytes, cost_usd, created_at, ended_at, revision } = report
  return {
    ...{ report_id, lang, date, state, step, reason, engine, pages, bytes, cost_usd, created_at, ended_at, revision },
    preview: report.preview === 1,
    example: report.example === 1,
    notes: JSON.parse(report.notes) as string[],
    mail: mail === undefined ? null : toMail(mail),
  }
}

/** @param folder the report's own */
export const toReport = (
  report: ReportRow,
  mail: MailRow | undefined,
  progress: readonly ProgressRow[],
  folder: string,
): Report => ({
  ...toSummary(report, mail),
  progress: [...progress],
  text: textOf(report),
  file: report.sha256 === null ? null : join(folder, `${fileName(report)}.pdf`),
})

/** The folder of a report: found by a person by its day, and by us by its id. */
export const folderIn = (root: string, { date, lang, report_id }: Pick<ReportRow, 'date' | 'lang' | 'report_id'>): string =>
  join(root, `${date}-${lang}-${report_id.slice(0, 8)}`)

/** Whether {@link folderIn} makes such names. */
export const isReportFolder = (name: string): boolean => /^\d{4}-\d\d-\d\d-(cn|en)-[0-9a-f]{8}$/.test(name)
