/**
 * When a job comes due. The `cron` package reads the expression and finds the next wall time that fits it; it is asked in
 * UTC, where no clock is ever set, and what the wall time means in the job's zone is decided here:
 *
 * - **A** A time that the clocks leap over comes due at the first instant behind the leap, together with all others that
 *   were leapt over: once.
 * - **B** A time that the clocks show twice comes due at the first of both instants only.
 * - **C** An expression with `*` for the hour means a rhythm and not times of the day: it comes due whenever the clocks fit,
 *   also in an hour that is shown twice, and not in one that is not shown. (Else a heartbeat would stand still for an hour.)
 * - **D** The next due moment always lies behind the one it is asked from.
 */
import { CronTime } from 'cron'
import { DAY_MS, isZone, machineZone, type Zone, zoneOf } from './zone.ts'

/** Why an expression or a zone cannot be used; made to be shown. */
export class ScheduleError extends Error {
  override readonly name = 'ScheduleError'
  readonly field: 'cron_expression' | 'timezone'

  constructor(field: 'cron_expression' | 'timezone', message: string, options?: ErrorOptions) {
    super(message, options)
    this.field = field
  }
}

export interface Schedule {
  readonly zone: Zone
  /** The first due moment behind an instant; both in milliseconds since 1970. Null where none comes within eight years. */
  next(after: number): number | null
  /** The newest `count` due moments up to and with `until`, oldest first, none before `from`. */
  last(from: number, until: number, count: number): number[]
}

const EXAMPLE = 'for example "0 9 * * 1-5" (at 9:00 from Monday to Friday), "*/15 * * * *" or "@daily"'

/** Names of crontab(5) that the package does not know. */
const SYNONYMS: Readonly<Record<string, string>> = { '@annually': '@yearly', '@midnight': '@daily' }

/** What the package says when it has looked far enough ahead. */
const NEVER = /No execution date was found/

const parse = (expression: string): CronTime => {
  const text = expression.trim().toLowerCase()
  try {
    return new CronTime(SYNONYMS[text] ?? text, 'UTC')
  } catch (error) {
    const why = (error as Error).message
    throw new ScheduleError('cron_expression', `is not a cron expression: ${why}; write ${EXAMPLE}`, { cause: error })
  }
}

const isEveryHour = (time: CronTime, expression: string): boolean => {
  const fields = expression.trim().split(/\s+/)
  return fields.length === 1 ? time.toJSON()[2] === '*' : /^\*(\/1)?$/.test(fields.at(-4) ?? '')
}

const createSchedule = (expression: string, zone: Zone): Schedule => {
  const time = parse(expression)
  const everyHour = isEveryHour(time, expression)

  // Between a wall time and the one that follows it every question has the same answer; the package takes 0.2 ms for it.
  let spans: { readonly from: number; readonly to: number }[] = []

  /** The first fitting wall time behind another; whole seconds. */
  const nextWall = (wall: number): number | null => {
    const known = spans.find(({ from, to }) => from <= wall && wall < to)
    if (known !== undefined) return known.to
    try {
      const to = time.getNextDateFrom(new Date(wall), 'UTC').toMillis()
      spans = [{ from: wall, to }, ...spans.slice(0, 1)]
      return to
    } catch (error) {
      if (NEVER.test((error as Error).message)) return null
      throw error
    }
  }

  const nextTime = (after: number): number | null => {
    const ahead = zone.offset(after)
    let shown = after + ahead
    // Were the clocks set back within the last day, they have shown later times than now: those have been due.
    const before = zone.offset(after - DAY_MS)
    if (before > ahead) {
      const setBack = zone.transition(after - DAY_MS, after)
      if (setBack !== undefined) shown = Math.max(shown, setBack + before - 1)
    }
    for (let wall = nextWall(shown); wall !== null; wall = nextWall(wall)) {
      const instant = zone.firstInstant(wall)
      if (instant > after) return instant
    }
    return null
  }

  const nextRhythm = (after: number): number | null => {
    let [from, ahead] = [after, zone.offset(after)]
    for (;;) {
      const wall = nextWall(from + ahead)
      if (wall === null) return null
      const instant = wall - ahead
      const setAt = zone.transition(from, Math.min(instant, from + DAY_MS)) ?? zone.transition(from, instant)
      if (setAt === undefined) return instant
      // Read on with the new offset, from just before the clocks are set: that instant itself may fit.
      ahead = zone.offset(setAt)
      from = setAt - 1
      const wallThen = nextWall(from + ahead)
      if (wallThen === null) return null
      const then = wallThen - ahead
      if (then > after && zone.offset(then) === ahead) return then
      from = setAt
    }
  }

  // Hundreds of jobs with the same expression come due at the same moment and ask for the same next one.
  let memo = { after: Number.NaN, next: null as number | null }
  const next = (after: number): number | null => {
    if (memo.after !== after) memo = { after, next: everyHour ? nextRhythm(after) : nextTime(after) }
    return memo.next
  }

  const last = (from: number, until: number, count: number): number[] => {
    // The package only looks ahead: so begin ever further back, until enough moments lie between.
    for (let span_ms = 1_000; ; span_ms *= 4) {
      const start = Math.max(from, until - span_ms)
      const found: number[] = []
      for (let moment = next(start - 1); moment !== null && moment <= until; moment = next(moment)) {
        found.push(moment)
        if (found.length > count) found.shift()
      }
      if (found.length >= count || start <= from) return found
    }
  }

  return { zone, next, last }
}

/** Beyond it the oldest is forgotten: what is kept serves speed only. */
const MAX_KNOWN = 20_000
const known = new Map<string, Schedule>()

/**
 * The schedule of an expression in a zone (null or empty: the machine's). Throws a {@link ScheduleError} with the reason
 * and an example.
 */
export const scheduleOf = (expression: string, timezone: string | null): Schedule => {
  const name = timezone === null || timezone === '' ? machineZone() : timezone
  const key = `${name} ${expression}`
  const old = known.get(key)
  if (old !== undefined) return old
  if (!isZone(name))
    throw new ScheduleError(
      'timezone',
      `${JSON.stringify(name)} is no time zone; write an IANA name, for example "Asia/Shanghai"`,
    )
  const schedule = createSchedule(expression, zoneOf(name))
  if (known.size >= MAX_KNOWN) known.delete(known.keys().next().value ?? '')
  known.set(key, schedule)
  return schedule
}

/** The next `count` due moments behind an instant. */
export const momentsAfter = (schedule: Schedule, after: number, count: number): number[] => {
  const found: number[] = []
  for (let moment = schedule.next(after); moment !== null && found.length < count; moment = schedule.next(moment))
    found.push(moment)
  return found
}
