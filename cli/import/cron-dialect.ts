/**
 * The predecessor's cron expressions said in ours. It counted weekdays from Monday (0) to Sunday (6), asked for day *and*
 * weekday where both were given, and knew words for days that nobody else knows. All but the weekdays is the same.
 */

const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const

/** What became of an expression. */
export type Converted = { readonly expression: string; readonly isChanged: boolean } | { readonly problem: string }

/** A weekday as the predecessor counted it, by number or name. Null: it is none. */
const weekdayOf = (text: string): number | null => {
  if (/^[0-6]$/.test(text)) return Number(text)
  const index = (WEEKDAYS as readonly string[]).indexOf(text)
  return index < 0 ? null : index
}

/** The days that one part of a weekday field means: `2`, `mon-fri`, `1-5/2`, `*`, `*` with a step, `3/2`. Null: not understood. */
const daysOf = (part: string): number[] | null => {
  const match = /^(\*|[a-z]+|\d+)(?:-([a-z]+|\d+))?(?:\/(\d+))?$/.exec(part)
  if (match === null) return null
  const [, begin = '', end, stepText] = match
  const step = stepText === undefined ? 1 : Number(stepText)
  const first = begin === '*' ? 0 : weekdayOf(begin)
  const last = begin === '*' || (end === undefined && stepText !== undefined) ? 6 : end === undefined ? first : weekdayOf(end)
  if (first === null || last === null || first > last || step < 1) return null
  return WEEKDAYS.map((_, day) => day).filter((day) => day >= first && day <= last && (day - first) % step === 0)
}

/** Converts an expression of the predecessor; says what is the matter where it cannot be said in ours. */
export const convert = (given: string): Converted => {
  const fields = given.trim().toLowerCase().split(/\s+/)
  if (fields.length !== 5) return { problem: `"${given}" has ${fields.length} fields instead of five` }
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = fields
  if (/[a-z]/.test(day))
    return { problem: `"${given}": a day such as "${day}" cannot be said here; choose days by their numbers` }
  if (weekday === '*') return { expression: fields.join(' '), isChanged: false }
  const parts = weekday.split(',').map(daysOf)
  if (parts.includes(null)) return { problem: `"${given}": the weekday "${weekday}" was never valid` }
  const days = [...new Set(parts.flatMap((part) => part ?? []))].sort((a, b) => a - b)
  if (day !== '*' && days.length < WEEKDAYS.length)
    return {
      problem: `"${given}" meant days that fit both "${day}" and "${weekday}"; here either is enough, so choose one of them`,
    }
  const names = days.length === WEEKDAYS.length ? '*' : days.map((index) => WEEKDAYS[index]).join(',')
  const isSame = !/\d/.test(weekday)
  return { expression: `${minute} ${hour} ${day} ${month} ${names}`, isChanged: !isSame }
}
