/** What a report's row holds as content, as a paper, as text; and the name of its file. */
import type { ReportLang } from '../../protocol/reports.ts'
import { type Content, toPaper } from './content/content.ts'
import type { Paper } from './content/paper.ts'
import { toPlainText } from './content/plain-text.ts'
import type { ReportRow } from './rows.ts'

export const contentOf = (report: ReportRow): Content => JSON.parse(report.content ?? 'null') as Content

export const paperOf = (report: ReportRow): Paper =>
  toPaper(contentOf(report), { ...report, preview: report.preview === 1, example: report.example === 1 })

export const textOf = (report: ReportRow): string | null => (report.content === null ? null : toPlainText(paperOf(report)))

/** As the predecessor named it. */
export const fileName = ({ lang, date }: { readonly lang: ReportLang; readonly date: string }): string => `daily_${lang}_${date}`
