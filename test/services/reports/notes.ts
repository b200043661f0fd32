/** What Claude could have found, and what it could make of it. */

import type { ReportLang } from '../../../protocol/reports.ts'
import { exampleOf } from '../../../services/reports/content/example.ts'

/** Notes with a source, in Markdown. */
export const NOTES =
  'Stocks rose ([Reuters](https://example.org/markets)). See also https://example.org/. 天气晴朗（https://example.org/天气）。'

/** A content whose sources stand in the notes. */
export const contentFor = (lang: ReportLang): Record<string, unknown> =>
  structuredClone(exampleOf(lang)) as unknown as Record<string, unknown>
