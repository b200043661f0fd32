/** What a stand-in of sessions answers about background work: nothing is there, and nothing begins. */

import type { Delivery, deliveryMethods } from '../../protocol/deliveries.ts'
import { ServiceError } from '../../protocol/errors.ts'
import type { Handlers } from '../../protocol/method.ts'
import type { TaskSummary, taskMethods } from '../../protocol/tasks.ts'

type FakeTasks = Handlers<{ methods: typeof taskMethods & typeof deliveryMethods; topics: Record<never, never> }>

/** The one task and the one delivery that can be asked for. */
export const FAKE_TASK = '7d9b1c1e-2f6a-4c53-9c1b-0a5f3e8d2b47'
export const FAKE_DELIVERY = 'task:7d9b1c1e'

const absent = (): never => {
  throw new ServiceError('not_found', 'there is no such thing')
}

const SUMMARY: TaskSummary = {
  ...{
    task_id: FAKE_TASK,
    bot_id: 'default',
    chat_id: '1',
    project_id: 'p',
    message: 'Tidy up',
    state: 'queued',
    chain_id: FAKE_TASK,
    depth: 0,
  },
  ...{
    result: null,
    reason: null,
    outcome: null,
    note: null,
    created_at: 0,
    due_at: null,
    started_at: null,
    ended_at: null,
    elapsed_ms: 0,
  },
  ...{ progress: null, input_tokens: null, output_tokens: null, cost_usd: null },
}

const DELIVERY: Delivery = {
  ...{ delivery_id: FAKE_DELIVERY, owner: `task:${FAKE_TASK}`, bot_id: 'default', chat_id: '1', state: 'pending', reason: null },
  ...{ created_at: 0, ended_at: null, parts: [{ n: 0, kind: 'message', state: 'pending', message_id: null, attempts: [] }] },
}

export const createFakeTasks = (): FakeTasks => ({
  start_task: async () => SUMMARY,
  send_background: async () => ({ status: 'started' }),
  list_tasks: async () => ({ tasks: [SUMMARY] }),
  task: async ({ task_id }) => (task_id === FAKE_TASK ? { ...SUMMARY, deliveries: [DELIVERY] } : absent()),
  cancel_task: async ({ task_id }) => (task_id === FAKE_TASK ? { cancelled: true } : absent()),
  background_status: async () => ({ status: 'idle' }),
  harness_status: async () => ({ jobs: [] }),
  cleanup: async () => ({ cleaned: 0, archived: 0, skipped: 0, details: [] }),
  queue_status: async () => ({
    ...{ busy: false, busy_message: '', elapsed_seconds: 0, slots_used: 0, slots_max: 2 },
    ...{ queue_wait_timeout: 900, queue_wait_remaining: 0 },
  }),
  set_nirmana: async () => ({ status: 'ok', message: 'Nirmana activated', briefing: null }),
  nirmana: async () => ({ nirmana_mode: false, nirmana_activated_at: 0, away_duration_seconds: null }),
  start_away: async () => ({ repos: [], queued: 0, issues: [], capped: false, skipped_inflight: 0 }),
  stop_away: async () => ({ roundup: [], stopped_new_pickups: true }),
  keep_token: async () => ({ token_id: 'x' }),
  deliver: async () => ({}),
  delivery: async ({ delivery_id }) => (delivery_id === FAKE_DELIVERY ? DELIVERY : absent()),
  list_deliveries: async () => ({ deliveries: [DELIVERY] }),
})
