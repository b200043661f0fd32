/** Numbers, moments and spans as people read them. Nothing here looks at the clock or the page by itself. */

const number = new Intl.NumberFormat('en', { maximumFractionDigits: 2 })
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 })

/** `12,345`, and `1.23M` from a hundred thousand on. */
export const formatCount = (value: number): string => (value < 100_000 ? number : compact).format(value)

/** `9.25`: with the fraction it has, at most two digits of it. */
export const formatNumber = (value: number): string => number.format(value)

/** `1 job`, `2 jobs`. */
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${formatCount(count)} ${count === 1 ? one : many}`

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000

/** A span as `30 s`, `5 min`, `3 h` or `12 days`; never below 0. */
export const formatSpan = (span_ms: number): string => {
  const span = Math.max(0, span_ms)
  if (span < 90_000) return span < MINUTE_MS ? `${Math.round(span / 1_000)} s` : '1 min'
  if (span < 90 * MINUTE_MS) return `${Math.round(span / MINUTE_MS)} min`
  if (span < 2 * DAY_MS) return `${Math.round(span / HOUR_MS)} h`
  return `${Math.round(span / DAY_MS)} days`
}

/** `just now`, `5 min ago`. */
export const formatAgo = (at: number, now: number): string => (now - at < MINUTE_MS ? 'just now' : `${formatSpan(now - at)} ago`)

/** `due`, `in 5 min`. */
export const formatAhead = (at: number, now: number): string => (at - now < MINUTE_MS ? 'due now' : `in ${formatSpan(at - now)}`)

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const dayAndClock = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' })

/** `17:50` on the reader's clock, with the day before it where that is another one. */
export const formatMoment = (at: number, now: number): string =>
  (new Date(at).toDateString() === new Date(now).toDateString() ? clock : dayAndClock).format(at)

const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' })
const dayAndYear = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' })
const weekday = new Intl.DateTimeFormat('en-GB', { weekday: 'short', timeZone: 'UTC' })

/** `22 Nov` of `2026-11-22`; a day is a day, whatever the reader's zone. */
export const formatDay = (text: string): string => day.format(Date.parse(text))
export const formatDayAndYear = (text: string): string => dayAndYear.format(Date.parse(text))
export const formatWeekday = (text: string): string => weekday.format(Date.parse(text))

/** The days that end with this one, oldest first, as `2026-11-22`. */
export const daysUntil = (until_on: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) =>
    new Date(Date.parse(until_on) - (count - 1 - index) * DAY_MS).toISOString().slice(0, 10),
  )

/** A share as a whole percent from 0 to 100; null where there is nothing to share. */
export const percentOf = (part: number | null, whole: number | null): number | null =>
  part === null || whole === null || whole <= 0 ? null : Math.min(100, Math.round((part / whole) * 100))

/** `claude-opus-4-1-20250805` as `Opus 4.1`; what is no such name stays. */
export const formatModel = (name: string): string => {
  const [, family, major, minor] = /^claude-([a-z]+)-(\d{1,2})(?:-(\d{1,2}))?(?:-\d{8})?$/.exec(name) ?? []
  if (family !== undefined) return `${family[0]?.toUpperCase()}${family.slice(1)} ${[major, minor].filter(Boolean).join('.')}`
  return name === 'other' ? 'Other models' : name
}
