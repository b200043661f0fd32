/** Numbers made coarse: a payload that says the same as the one before is not pushed again, and strangers need no more. */

/** To the nearest multiple: `toStep(37, 5)` is 35. */
export const toStep = (value: number, step: number): number => Number((Math.round(value / step) * step).toFixed(2))

const DIGITS = 3

/** Counts below a thousand are exact, larger ones have three digits: 1,234,567 is 1,230,000. Never below 0. */
export const toCount = (value: number): number => {
  const whole = Math.min(Math.max(0, Math.round(value)), Number.MAX_SAFE_INTEGER)
  return whole < 10 ** DIGITS ? whole : Math.min(Number(whole.toPrecision(DIGITS)), Number.MAX_SAFE_INTEGER)
}

/** A share as a whole percent from 0 to 100. */
export const toPercent = (value: number, step = 1): number => Math.min(100, Math.max(0, toStep(value, step)))

const MINUTE_MS = 60_000

/** A moment by the minute, in milliseconds since 1970; null for what is no moment. */
export const toMinute = (moment: number | string | null | undefined): number | null => {
  if (moment === null || moment === undefined) return null
  const at = typeof moment === 'number' ? moment : Date.parse(moment)
  return Number.isFinite(at) && at >= 0 && at <= 8.64e15 ? Math.floor(at / MINUTE_MS) * MINUTE_MS : null
}

const DAY = /^\d{4}-\d\d-\d\d/

/** The day at the beginning of a text such as `2026-11-22 09:12:00`; null where there is none. */
export const toDay = (text: string | null | undefined): string | null => DAY.exec(text ?? '')?.[0] ?? null
