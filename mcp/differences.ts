/** Where a tool differs from the row of the contract it stands for, so that configurations and habits of the predecessor hold. */

export interface Difference {
  /** In the place of the row's, where that speaks of what the tool does not show. */
  readonly summary?: string
  /** Fields of the row that the tool does not show. */
  readonly hide?: readonly string[]
  /** What a field is called in the tool: tool's name → row's name. */
  readonly rename?: Readonly<Record<string, string>>
  /** Other defaults than the row's. */
  readonly defaults?: Readonly<Record<string, string | number>>
  /**
   * What a call without bot_id means. `own`: the bot of MCB_BOT_ID. `all`: every bot. Where absent the row decides, which for
   * the gateway's tools is the bot `default`, whatever MCB_BOT_ID says.
   */
  readonly bot?: 'own' | 'all'
  /** Destroys, or ends, what was there, although it is a POST. */
  readonly destructive?: boolean
  /** Waits as long as MCB_GATEWAY_TIMEOUT says: what it begins may take its time. */
  readonly slow?: boolean
  /** Starts an agent, which may call tools itself: its chain is looked at, and sent along. */
  readonly chained?: boolean
  /** The tool that tells whether a call was done whose answer was lost: to be named where a second call would do it again. */
  readonly look?: string
}

/** Fields that this server fills in, or that are not for a model. */
export const NEVER_SHOWN: readonly string[] = ['idempotency_key', 'response', 'chain', 'wait_ms']

/** By the name of the tool. */
export const DIFFERENCES: Readonly<Record<string, Difference>> = {
  list_cron_jobs: { bot: 'own' },
  create_cron_job: { bot: 'own', look: 'list_cron_jobs' },
  run_cron_job: { slow: true, chained: true, look: 'get_cron_job_history' },
  add_memory: { bot: 'own', look: 'list_memories' },
  search_memory: { bot: 'own', rename: { query: 'q' }, defaults: { limit: 5 } },
  list_memories: { bot: 'own' },
  search_chat_history: { bot: 'all', rename: { query: 'q' }, defaults: { limit: 10 } },
  list_chat_sessions: { bot: 'all' },
  get_chat_session: { summary: 'The messages of a chat in order', hide: ['limit'] },
  list_gateway_sessions: { bot: 'all' },
  stop_gateway_session: { destructive: true },
  reset_gateway_session: { destructive: true },
  send_gateway_message: { hide: ['user_id', 'username'], look: 'get_chat_session' },
  send_background_message: { hide: ['project_id'], chained: true, look: 'list_tasks' },
  cancel_task: { destructive: true },
  interrupt_gateway_session: { destructive: true, look: 'list_open_turns' },
  stop_cron_run: { destructive: true },
  put_memory: { bot: 'own' },
  list_open_turns: { bot: 'all' },
  cancel_report: { destructive: true },
  set_nirmana_mode: { look: 'get_nirmana_state' },
  send_report: { look: 'get_report' },
}
