/** The rows of sessions' database, as TypeScript sees them. Names are the columns'. */
import type { TurnState } from '../../protocol/sessions.ts'

/** Names a session: a chat of a bot (lane ''), or a lane of it, where work goes on in the background. */
export interface SessionRef {
  readonly bot_id: string
  readonly chat_id: string
  readonly lane: string
}

export interface SessionRow extends SessionRef {
  readonly cwd: string
  readonly slug: string | null
  readonly conversation_id: string
  readonly fork_of: string | null
  readonly first_done: number
  readonly stopped: number
  readonly created_at: number
  readonly last_active_at: number
}

/** A session's row as it is made. */
export type NewSession = Omit<SessionRow, 'first_done' | 'stopped'>

export interface AgentRow extends SessionRef {
  readonly n: number
  readonly conversation_id: string
  readonly nonce: string
  readonly boot_id: string
  readonly pid: number | null
  readonly pid_start: string | null
  readonly fingerprint: string
  readonly permission_mode: string
  readonly state: 'live' | 'retiring' | 'dead'
  readonly folded_offset: number
  readonly cost_usd: number
}

export interface TurnRow extends SessionRef {
  readonly seq: number
  readonly turn_id: string
  readonly origin: 'message' | 'agent'
  readonly state: TurnState
  readonly message: string
  readonly user_id: string | null
  readonly username: string | null
  readonly ahead: number
  readonly waited_ms: number
  readonly agent: number | null
  readonly start_offset: number | null
  readonly attempts: number
  readonly cancel_asked: number
  readonly due_at: number | null
  readonly chain: string | null
  /** 1: nobody waits for its answer. */
  readonly unattended: number
  readonly memories: string | null
  readonly end_offset: number | null
  readonly reply: string | null
  readonly reason: string | null
  readonly created_at: number
  readonly started_at: number | null
  readonly ended_at: number | null
  readonly input_tokens: number | null
  readonly output_tokens: number | null
  readonly cache_read_tokens: number | null
  readonly cache_creation_tokens: number | null
  readonly cost_usd: number | null
  readonly duration_ms: number | null
  readonly first_token_ms: number | null
  readonly model: string | null
}

export interface NoticeRow {
  readonly agent: number
  readonly offset: number
  readonly piece: number
  readonly content: string
}

/** How a turn ended: what is written over its row, once. */
export interface TurnEnd {
  readonly state: Extract<TurnState, 'answered' | 'failed' | 'cancelled' | 'interrupted' | 'expired'>
  readonly reply: string
  readonly reason: string | null
  /** Where in the agent's log it ended; null when it never reached one. */
  readonly end_offset: number | null
  readonly input_tokens?: number | null
  readonly output_tokens?: number | null
  readonly cache_read_tokens?: number | null
  readonly cache_creation_tokens?: number | null
  readonly cost_usd?: number | null
  readonly duration_ms?: number | null
  readonly first_token_ms?: number | null
  readonly model?: string | null
}

/** The states from which a turn may still end. */
export const OPEN_STATES = ['waiting', 'handing', 'running'] as const

export const isOpen = (state: TurnState): boolean => (OPEN_STATES as readonly string[]).includes(state)
