/**
 * The clocks of a time zone. A *wall* time is what the clocks show, as a number: the milliseconds since 1970 that UTC would
 * count at that reading. Offsets come from Intl, and so from the same tz data as everything else in this process.
 */

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS

/** Days of which a zone remembers the offset. */
const MAX_DAYS = 4_000

export interface Zone {
  readonly name: string
  /** How far the clocks are before UTC at an instant, in milliseconds. */
  offset(instant: number): number
  /** The first instant in (from, to] at which the clocks are set; undefined where the offsets at both ends are equal. */
  transition(from: number, to: number): number | undefined
  /**
   * The instant at which the clocks first show this wall time. Where they leap over it, the first instant behind the
   * leap.
   */
  firstInstant(wall: number): number
}

const FIELDS = /^(\d+)\/(\d+)\/(\d+), (\d+):(\d+):(\d+)$/

const createZone = (name: string): Zone => {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: name,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  const measure = (instant: number): number => {
    const fields = FIELDS.exec(format.format(instant))
    if (fields === null) throw new Error(`The clocks of ${name} cannot be read`)
    const [, month, day, year, hour, minute, second] = fields.map(Number) as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ]
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instant / SECOND_MS) * SECOND_MS
  }

  // Offsets at the beginnings of days, and the instants at which clocks are set within a day: reading the clocks takes
  // 10 µs, and each question asks for several days. No zone sets its clocks twice in a day.
  const starts = new Map<number, number>()
  const settings = new Map<number, number>()

  const start = (day: number): number => {
    const known = starts.get(day)
    if (known !== undefined) return known
    if (starts.size >= MAX_DAYS) starts.clear()
    const found = measure(day * DAY_MS)
    starts.set(day, found)
    return found
  }

  const setWithin = (day: number): number => {
    const known = settings.get(day)
    if (known !== undefined) return known
    const before = start(day)
    let [low, high] = [(day * DAY_MS) / SECOND_MS, ((day + 1) * DAY_MS) / SECOND_MS]
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      if (measure(middle * SECOND_MS) === before) low = middle
      else high = middle
    }
    settings.set(day, high * SECOND_MS)
    return high * SECOND_MS
  }

  const offset = (instant: number): number => {
    const day = Math.floor(instant / DAY_MS)
    const [before, behind] = [start(day), start(day + 1)]
    return before === behind || instant < setWithin(day) ? before : behind
  }

  const transition = (from: number, to: number): number | undefined => {
    if (offset(from) === offset(to)) return undefined
    for (let day = Math.floor(from / DAY_MS); day * DAY_MS <= to; day += 1) {
      if (start(day) === start(day + 1)) continue
      const instant = setWithin(day)
      if (instant > from && instant <= to) return instant
    }
    return undefined
  }

  return {
    name,
    offset,
    transition,
    firstInstant: (wall) => {
      // No clock is a day away from UTC, so these two are before and behind every instant that could show this time.
      const [from, to] = [wall - DAY_MS, wall + DAY_MS]
      const offsets = [offset(from), offset(to)].sort((a, b) => b - a)
      const shown = offsets.map((ahead) => wall - ahead).find((instant) => instant + offset(instant) === wall)
      if (shown !== undefined) return shown
      // The leap lies between the readings of the wall time by the one offset and by the other.
      return transition(wall - (offsets[0] ?? 0), wall - (offsets[1] ?? 0)) ?? wall - (offsets[0] ?? 0)
    },
  }
}

const zones = new Map<string, Zone>()

/** The zone of this name. Throws a RangeError for one that is not known. */
export const zoneOf = (name: string): Zone => {
  const known = zones.get(name)
  if (known !== undefined) return known
  const zone = createZone(name)
  zones.set(name, zone)
  return zone
}

/** Whether it is the name of a zone; `+05:30`, which some versions of Intl take, is none. */
export const isZone = (name: string): boolean => {
  if (!/^[A-Za-z]/.test(name)) return false
  try {
    zoneOf(name)
    return true
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

/** The zone of this machine. */
export const machineZone = (): string => new Intl.DateTimeFormat().resolvedOptions().timeZone

const pad = (number: number): string => String(number).padStart(2, '0')

/** What the clocks show at an instant: `2026-11-23T09:00:00+08:00`. */
export const toLocalText = (zone: Zone, instant: number): string => {
  const ahead = zone.offset(instant)
  const minutes = Math.round(Math.abs(ahead) / MINUTE_MS)
  const text = new Date(instant + ahead).toISOString().slice(0, 19)
  return `${text}${ahead < 0 ? '-' : '+'}${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`
}

/** When the day began on the clocks of a zone that show this instant. */
export const dayStart = (zone: Zone, instant: number): number =>
  zone.firstInstant(Math.floor((instant + zone.offset(instant)) / DAY_MS) * DAY_MS)

/** The instant at which the day begins that lies `days` before the one of `instant`. */
export const dayStartBefore = (zone: Zone, instant: number, days: number): number => {
  let begin = dayStart(zone, instant)
  for (let day = 0; day < days; day += 1) begin = dayStart(zone, begin - 1)
  return begin
}
