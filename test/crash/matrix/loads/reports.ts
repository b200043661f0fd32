/** One report: made by a Claude that counts what it is asked, mailed to a server that counts what it takes. */
import type { Report } from '../../../../protocol/reports.ts'
import { isOpenState } from '../../../../protocol/reports.ts'
import { ask, type Begin, comesTrue, Findings, type Load } from './load.ts'

/** A day is mailed once: each report of a process is about another one. */
let lastDay = Date.UTC(2024, 0, 1)
const DAY_MS = 86_400_000
const QUESTIONS = 2
/** A step that ended by a loss of power is tried once more, as any step that fails. */
const TRIES = 2

/** Known as unknown, which its owner is told: only where the end of the mail was leaving as the kill fell, or may have been. */
export const mayBeDoubtful = (moment: string, mails: number): boolean =>
  moment === 'any' || moment === 'mail_handing' || (moment === 'mail_taken' && mails === 1)

/** @param moment of the kill */
export const reportsAt =
  (moment: string): Begin =>
  async ({ house, mail, questions }, name): Promise<Load> => {
    lastDay += DAY_MS
    const date = new Date(lastDay).toISOString().slice(0, 10)
    const mailsBefore = mail.taken.length
    const before = questions().length
    const ordered = ask<Report>(house.url, '/api/reports', { method: 'POST', body: { lang: 'cn', date }, key: name })
    ordered.catch(() => undefined)
    let ended: Report | null = null
    return {
      more: () => undefined,
      end: async () => {
        const order = await ordered.catch(() => null)
        if (order === null) return
        await comesTrue(async () => {
          const report = await ask<Report>(house.url, `/api/reports/${order.report_id}`)
          if (isOpenState(report.state)) return false
          ended = report
          return true
        })
      },
      count: async (losses) => {
        const found = new Findings()
        const report = ended as Report | null
        const taken = mail.taken.slice(mailsBefore).filter((each) => each.mail.subject?.includes('每日智能报告'))
        const asked = questions().length - before
        const isDone = report?.state === 'done' && taken.length > 0
        const isDoubtful = report?.state === 'doubtful' && mayBeDoubtful(moment, taken.length)
        found.add(
          'lost',
          isDone || isDoubtful ? 0 : 1,
          `${name}: the report ended as ${report?.state ?? 'nothing'}: ${report?.reason}`,
        )
        found.add('doubled', Math.max(0, taken.length - 1), `${name}: ${taken.length} mails with the report`)
        const allowed = losses.length > 0 ? QUESTIONS * TRIES : QUESTIONS
        found.add('run_twice', Math.max(0, asked - allowed), `${name}: Claude was asked ${asked} times`)
        return found.faults
      },
    }
  }
