/** Moments, durations, numbers and sizes as people of the language in use write them. Moments are milliseconds since 1970. */
import { language } from './language.ts'

const tag = (): string => (language() === 'zh' ? 'zh-CN' : 'en-GB')

const made = new Map<string, Intl.DateTimeFormat | Intl.NumberFormat | Intl.RelativeTimeFormat>()

/** Formats are costly to make, and lists ask for them by the hundred. */
const once = <F extends Intl.DateTimeFormat | Intl.NumberFormat | Intl.RelativeTimeFormat>(key: string, make: () => F): F => {
  const name = `${tag()} ${key}`
  const known = made.get(name) as F | undefined
  if (known !== undefined) return known
  const format = make()
  made.set(name, format)
  return format
}

/** `2026-11-23 02:15:00`, UTC, as the predecessor's clients read it. NaN for anything else. */
export const momentOf = (text: string): number => Date.parse(`${text.replace(' ', 'T')}Z`)

/** `23 Nov 2026, 02:15`; in the zone of the browser, or in another one. */
export const dateTime = (at: number, timeZone?: string): string =>
  once(
    `dateTime ${timeZone}`,
    () => new Intl.DateTimeFormat(tag(), { dateStyle: 'medium', timeStyle: 'short', timeZone }),
  ).format(at)

/** With the day of the week and seconds. */
export const fullMoment = (at: number, timeZone?: string): string =>
  once(
    `full ${timeZone}`,
    () =>
      new Intl.DateTimeFormat(tag(), {
        ...{ weekday: 'short', year: 'numeric', month: 'short', day: 'numeric' },
        ...{ hour: '2-digit', minute: '2-digit', second: '2-digit', timeZone, timeZoneName: 'short' },
      }),
  ).format(at)

export const day = (at: number): string =>
  once('day', () => new Intl.DateTimeFormat(tag(), { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' })).format(
    at,
  )

/** `23 Nov` */
export const shortDay = (at: number): string =>
  once('shortDay', () => new Intl.DateTimeFormat(tag(), { day: 'numeric', month: 'short' })).format(at)

/** `02:15` */
export const clock = (at: number): string =>
  once('clock', () => new Intl.DateTimeFormat(tag(), { hour: '2-digit', minute: '2-digit' })).format(at)

const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000_000],
  ['month', 2_592_000_000],
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
]

/** `5 minutes ago`, `in 2 hours`. */
export const relative = (at: number, now: number = Date.now()): string => {
  const distance = at - now
  const [unit, size] = STEPS.find(([, step]) => Math.abs(distance) >= step) ?? ['second', 1_000]
  // Abbreviated, the next month would be "next mo".
  const style = unit === 'month' || unit === 'year' ? 'long' : 'short'
  const format = once(`relative ${style}`, () => new Intl.RelativeTimeFormat(tag(), { numeric: 'auto', style }))
  return format.format(Math.trunc(distance / size), unit)
}

/** `1.2 s`, `3 min 5 s`, `2 h 4 min`. */
export const duration = (ms: number): string => {
  const zh = language() === 'zh'
  const [h, min, s] = zh ? [' 小时', ' 分', ' 秒'] : [' h', ' min', ' s']
  if (ms < 10_000) return `${(ms / 1_000).toFixed(ms < 1_000 ? 2 : 1)}${s}`
  const seconds = Math.round(ms / 1_000)
  if (seconds < 60) return `${seconds}${s}`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}${min}${seconds % 60 === 0 ? '' : ` ${seconds % 60}${s}`}`
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)}${h} ${Math.floor((seconds % 3_600) / 60)}${min}`
  return zh
    ? `${Math.floor(seconds / 86_400)} 天`
    : `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3_600)} h`
}

export const number = (value: number, digits = 0): string =>
  once(`number ${digits}`, () => new Intl.NumberFormat(tag(), { maximumFractionDigits: digits })).format(value)

/** `12.3K` */
export const compact = (value: number): string =>
  once('compact', () => new Intl.NumberFormat(tag(), { notation: 'compact', maximumFractionDigits: 1 })).format(value)

export const percent = (share: number): string =>
  once('percent', () => new Intl.NumberFormat(tag(), { style: 'percent', maximumFractionDigits: 0 })).format(share)

export const dollars = (value: number): string =>
  once(
    `usd ${value < 1}`,
    () =>
      new Intl.NumberFormat(tag(), {
        style: 'currency',
        currency: 'USD',
        currencyDisplay: 'narrowSymbol',
        maximumFractionDigits: value < 1 ? 4 : 2,
      }),
  ).format(value)

/** `12.3 MB` */
export const bytes = (value: number): string => {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const power = value < 1_000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3))
  return `${number(value / 1_000 ** power, power === 0 || value / 1_000 ** power >= 100 ? 0 : 1)} ${units[power]}`
}
