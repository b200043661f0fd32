/** Who gets which report, by the predecessor's variables. */
import type { ReportLang } from '../../../protocol/reports.ts'
import type { Settings } from '../settings.ts'

export interface Recipients {
  readonly to: readonly string[]
  readonly cc: readonly string[]
}

type Lists = Pick<Settings, 'REPORT_TO_PRIMARY' | 'REPORT_TO_SECONDARY' | 'REPORT_CC'>

/** The Chinese edition goes to PRIMARY, the English one to SECONDARY, both with CC; a preview to CC alone. */
export const recipientsOf = (lists: Lists, lang: ReportLang, preview: boolean): Recipients => {
  const main = preview ? [] : lang === 'cn' ? lists.REPORT_TO_PRIMARY : lists.REPORT_TO_SECONDARY
  if (main.length === 0) return { to: lists.REPORT_CC, cc: [] }
  return { to: main, cc: lists.REPORT_CC.filter((address) => !main.includes(address)) }
}

/** The owner, who is told of what went wrong: CC, as the predecessor has it, else the first reader of the edition. */
export const ownerOf = (lists: Lists, lang: ReportLang): readonly string[] =>
  lists.REPORT_CC.length > 0 ? lists.REPORT_CC : recipientsOf(lists, lang, false).to.slice(0, 1)
