/** How the states of reports look, and how far each is. */
import type { ReportMail, ReportState } from '../../../../protocol/reports.ts'
import type { Tone } from '../../components/status-chip.ts'

/** The steps of a report, in order; its states until it has ended. */
export const STEPS = ['gather', 'write', 'typeset', 'proof', 'send'] as const
export type Step = (typeof STEPS)[number]

export const isStep = (state: string): state is Step => (STEPS as readonly string[]).includes(state)

export const REPORT_TONE: Readonly<Record<ReportState, Tone>> = {
  gather: 'busy',
  write: 'busy',
  typeset: 'busy',
  proof: 'busy',
  send: 'busy',
  done: 'ok',
  failed: 'bad',
  doubtful: 'warn',
  cancelled: 'plain',
}

export const MAIL_TONE: Readonly<Record<ReportMail['state'], Tone>> = {
  waiting: 'busy',
  handing: 'busy',
  sent: 'ok',
  failed: 'bad',
  doubtful: 'warn',
}

/** How many steps are behind it; of one that broke off, up to where it came. */
export const stepsDone = (state: ReportState, step: string | null): number => {
  if (state === 'done') return STEPS.length
  const at = isStep(state) ? state : step
  return at !== null && isStep(at) ? STEPS.indexOf(at) : 0
}
