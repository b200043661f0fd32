/** How the states of tasks and of what is sent look. */
import type { DeliveryState } from '../../../../protocol/deliveries.ts'
import type { TaskState } from '../../../../protocol/tasks.ts'
import type { Tone } from '../../components/status-chip.ts'

export const TASK_TONE: Readonly<Record<TaskState, Tone>> = {
  queued: 'plain',
  running: 'busy',
  delivering: 'busy',
  done: 'ok',
  failed: 'bad',
  cancelled: 'plain',
  interrupted: 'warn',
}

export const DELIVERY_TONE: Readonly<Record<DeliveryState, Tone>> = {
  pending: 'busy',
  delivered: 'ok',
  failed: 'bad',
  cancelled: 'plain',
}

/** Whether it may still change by itself. */
export const isOpenTask = (state: TaskState): boolean => state === 'queued' || state === 'running' || state === 'delivering'

/** Whether somebody should look at it. */
export const isTroubled = (state: TaskState): boolean => state === 'failed' || state === 'interrupted'
