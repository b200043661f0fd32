/**
 * What a job at an hour and a minute of the day must do when the clocks are set, found out in another way than the
 * product does it: by looking at the clocks minute by minute, and by asking another library (croner).
 */
import { Cron } from 'croner'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** What is looked at around a transition, before and behind it: the clocks show each time of its days there. */
const AROUND_MS = 30 * HOUR_MS

/** One look at the clocks. */
interface Reading {
  readonly instant: number
  /** `2026-03-08 02:30`, comparable as text. */
  readonly shown: string
}

export interface Transition {
  readonly zone: string
  /** The first instant of the new time. */
  readonly instant: number
  readonly kind: 'gap' | 'fold'
  /** The offsets before and behind it, in minutes. */
  readonly step: readonly [before: number, behind: number]
  readonly readings: readonly Reading[]
  /** The times that are leapt over, or shown twice; and those at both edges. */
  readonly touched: readonly string[]
}

const clocksOf = (zone: string): ((instant: number) => string) => {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'short' })
  return (instant) => format.format(instant)
}

/** The wall time as a number, to count with. */
const countOf = (shown: string): number => Date.parse(`${shown.replace(' ', 'T')}:00Z`)

const toShown = (count: number): string => new Date(count).toISOString().slice(0, 16).replace('T', ' ')

const readAround = (clocks: (instant: number) => string, around: number): Reading[] => {
  const readings: Reading[] = []
  for (let instant = around - AROUND_MS; instant <= around + AROUND_MS; instant += MINUTE_MS)
    readings.push({ instant, shown: clocks(instant) })
  return readings
}

/** All transitions of a zone between two instants. */
export const transitionsOf = (zone: string, from: number, to: number): Transition[] => {
  const clocks = clocksOf(zone)
  const ahead = (instant: number): number => countOf(clocks(instant)) - instant
  const found: Transition[] = []
  let before = ahead(from)
  for (let day = from; day < to; day += DAY_MS) {
    const behind = ahead(day + DAY_MS)
    if (behind === before) continue
    let [low, high] = [day, day + DAY_MS]
    while (high - low > MINUTE_MS) {
      const middle = low + Math.floor((high - low) / (2 * MINUTE_MS)) * MINUTE_MS
      if (ahead(middle) === before) low = middle
      else high = middle
    }
    const [first, last] = behind > before ? [high + before, high + behind] : [high + behind, high + before]
    const touched: string[] = []
    for (let count = first - MINUTE_MS; count <= last; count += MINUTE_MS) touched.push(toShown(count))
    const step = [before, behind].map((offset) => offset / MINUTE_MS) as [number, number]
    let readings: Reading[] | undefined
    found.push({
      ...{ zone, instant: high, kind: behind > before ? 'gap' : 'fold', step, touched },
      get readings() {
        readings ??= readAround(clocks, high)
        return readings
      },
    })
    before = behind
  }
  return found
}

/** The rule for one wall time, read off the clocks: the first instant that shows it, else the first that shows a later one. */
const ruleFor = (readings: readonly Reading[], shown: string): number | undefined =>
  (readings.find((reading) => reading.shown === shown) ?? readings.find((reading) => reading.shown > shown))?.instant

/**
 * When a job of every day at this time comes due, around the transition: behind `from`, up to and with `to`.
 * @param time `02:30`
 */
export const ruleOfDay = ({ readings }: Transition, time: string, from: number, to: number): number[] => {
  const days = [...new Set(readings.map(({ shown }) => shown.slice(0, 10)))]
  const moments = days.flatMap((day) => {
    // What the readings do not reach would be taken for leapt over.
    const isSeen = `${day} ${time}` >= (readings[0]?.shown ?? '')
    return isSeen ? (ruleFor(readings, `${day} ${time}`) ?? []) : []
  })
  return [...new Set(moments)].filter((moment) => moment > from && moment <= to).sort((a, b) => a - b)
}

/** croner's answer to the same question. */
export const cronerOfDay = (expression: string, zone: string, from: number, to: number): number[] => {
  const job = new Cron(expression, { timezone: zone, paused: true })
  const found: number[] = []
  for (let next = job.nextRun(new Date(from)); next !== null && next.getTime() <= to; next = job.nextRun(next))
    found.push(next.getTime())
  return found
}
