/** Days of an edition: on its own clocks, as its readers write them, and the week they belong to. */
import type { ReportLang } from '../../protocol/reports.ts'

/** The predecessor took UTC−8 for the English edition and so was an hour off for most of the year. */
export const ZONES: Readonly<Record<ReportLang, string>> = { cn: 'Asia/Shanghai', en: 'America/Los_Angeles' }

const DAY_MS = 86_400_000

/** The day on the edition's clocks at a moment, as YYYY-MM-DD. */
export const dayAt = (lang: ReportLang, at: number): string =>
  new Intl.DateTimeFormat('en-CA', { timeZone: ZONES[lang], year: 'numeric', month: '2-digit', day: '2-digit' }).format(at)

const midnight = (day: string): number => Date.parse(`${day}T00:00:00Z`)

/** The day as it stands in the masthead and in subjects: 2026年11月23日, November 23, 2026. */
export const datelineOf = (lang: ReportLang, day: string): string => {
  const [year = '', month = '', date = ''] = day.split('-')
  if (lang === 'cn') return `${year}年${month}月${date}日`
  return new Intl.DateTimeFormat('en-US', { timeZone: 'UTC', month: 'long', day: '2-digit', year: 'numeric' }).format(
    midnight(day),
  )
}

/** The Monday of the week in which a day lies, which names the week. */
export const weekOf = (day: string): string => {
  const sinceMonday = (new Date(midnight(day)).getUTCDay() + 6) % 7
  return new Date(midnight(day) - sinceMonday * DAY_MS).toISOString().slice(0, 10)
}
