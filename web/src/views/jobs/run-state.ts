/** How the states of runs look. */
import type { RunState } from '../../../../protocol/scheduler.ts'
import type { Tone } from '../../components/status-chip.ts'

export const RUN_TONE: Readonly<Record<RunState, Tone>> = {
  claimed: 'plain',
  running: 'busy',
  ran: 'ok',
  failed: 'bad',
  skipped: 'plain',
  missed: 'warn',
  interrupted: 'warn',
}

/** Whether it may still change by itself. */
export const isOpenRun = (state: RunState): boolean => state === 'claimed' || state === 'running'

/** Whether somebody should look at it. */
export const isTrouble = (state: RunState): boolean => state === 'failed' || state === 'missed' || state === 'interrupted'
