/** Holds the product's schedule to the rule at every hour and minute that a transition touches. */
import { scheduleOf } from '../../services/runtime/cron/schedule.ts'
import { cronerOfDay, ruleOfDay, type Transition } from './reference.ts'

export interface Findings {
  transitions: number
  times: number
  /** Where the product broke the rule. */
  readonly wrong: string[]
  /** Where the other library did; it is no fault of ours, and counted so that it is seen. */
  readonly otherwise: string[]
}

export const createFindings = (): Findings => ({ transitions: 0, times: 0, wrong: [], otherwise: [] })

const HOUR_MS = 3_600_000
/** Around the transition, so that a job of every day comes due in it at least once. */
const BEFORE_MS = 4 * HOUR_MS
const BEHIND_MS = 24 * HOUR_MS

const text = (moments: readonly number[]): string =>
  moments.map((moment) => new Date(moment).toISOString()).join(', ') || 'no time'

/** Checks one transition: each touched time as a job of every day. */
export const checkTransition = (transition: Transition, findings: Findings): void => {
  const { zone, kind, instant, touched } = transition
  const [from, to] = [instant - BEFORE_MS, instant + BEHIND_MS]
  findings.transitions += 1
  for (const time of new Set(touched.map((shown) => shown.slice(11)))) {
    findings.times += 1
    const expression = `${Number(time.slice(3))} ${Number(time.slice(0, 2))} * * *`
    const rule = ruleOfDay(transition, time, from, to)
    const schedule = scheduleOf(expression, zone)
    const fired: number[] = []
    for (let moment = schedule.next(from); moment !== null && moment <= to; moment = schedule.next(moment)) fired.push(moment)
    const where = `${zone}, ${kind} at ${text([instant])}, every day at ${time}`
    if (text(fired) !== text(rule)) findings.wrong.push(`${where}: the rule says ${text(rule)}, and it fires at ${text(fired)}`)
    // Asked just before the transition, at it and within it: what has been due must not come again.
    for (const asked of [instant - 1, instant, instant + HOUR_MS / 2]) {
      const next = schedule.next(asked)
      const expected = rule.find((moment) => moment > asked)
      if (expected !== undefined && next !== expected)
        findings.wrong.push(`${where}: asked at ${text([asked])} it fires at ${text(next === null ? [] : [next])}`)
    }
    const other = cronerOfDay(expression, zone, from, to)
    if (text(other) !== text(rule))
      findings.otherwise.push(`${where}: croner fires at ${text(other)}, the rule says ${text(rule)}`)
  }
}
