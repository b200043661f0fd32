/** The rows of permissions that agents ask for. */
import type { Database } from 'better-sqlite3'
import type { ApprovalState } from '../../../protocol/approvals.ts'

/** Where a question stands: names it. */
export interface ApprovalKey {
  readonly agent: number
  readonly offset: number
}

export interface ApprovalRow extends ApprovalKey {
  readonly request_id: string
  readonly bot_id: string
  readonly chat_id: string
  readonly turn_id: string | null
  readonly tool_use_id: string
  readonly tool_name: string
  readonly title: string
  readonly description: string | null
  /** JSON. */
  readonly input: string
  /** JSON. */
  readonly suggestions: string
  readonly state: ApprovalState
  readonly note: string | null
  readonly answer: string | null
  readonly asked_at: number
  readonly expires_at: number
  readonly decided_at: number | null
}

export type NewApproval = Omit<ApprovalRow, 'state' | 'note' | 'answer' | 'decided_at'>

/** How a question ends. */
export interface ApprovalEnd {
  readonly state: Exclude<ApprovalState, 'waiting'>
  readonly note: string | null
  /** JSON for the agent; null: it is told nothing. */
  readonly answer: string | null
  /** What is kept of the input. */
  readonly input: string
  readonly decided_at: number
}

export interface ApprovalFilter {
  readonly bot_id: string | null
  readonly chat_id: string | null
  readonly state: ApprovalState | null
}

const LISTED = 200

export const openApprovalStore = (db: Database) => {
  const sql = <P extends unknown[] | object, R = unknown>(text: string) => db.prepare<P, R>(text)
  const OF = 'WHERE agent = :agent AND "offset" = :offset'
  const add = sql<NewApproval>(
    `INSERT INTO approvals (agent, "offset", request_id, bot_id, chat_id, turn_id, tool_use_id, tool_name, title, description,
       input, suggestions, asked_at, expires_at)
     VALUES (:agent, :offset, :request_id, :bot_id, :chat_id, :turn_id, :tool_use_id, :tool_name, :title, :description,
       :input, :suggestions, :asked_at, :expires_at)
     ON CONFLICT DO NOTHING`,
  )
  const get = sql<ApprovalKey, ApprovalRow>(`SELECT * FROM approvals ${OF}`)
  const end = sql<ApprovalKey & ApprovalEnd>(
    `UPDATE approvals SET state = :state, note = :note, answer = :answer, input = :input, decided_at = :decided_at
     ${OF} AND state = 'waiting'`,
  )
  const told = sql<ApprovalKey>(`UPDATE approvals SET answer = NULL ${OF}`)
  const unheard = sql<ApprovalKey>(`UPDATE approvals SET answer = NULL, state = 'withdrawn' ${OF}`)
  const waitingOf = sql<[number], ApprovalRow>(`SELECT * FROM approvals WHERE state = 'waiting' AND agent = ?`)
  const due = sql<[number], ApprovalRow>(`SELECT * FROM approvals WHERE state = 'waiting' AND expires_at <= ?`)
  const list = sql<ApprovalFilter & { limit: number }, ApprovalRow>(
    `SELECT * FROM approvals WHERE (:bot_id IS NULL OR bot_id = :bot_id) AND (:chat_id IS NULL OR chat_id = :chat_id)
       AND (:state IS NULL OR state = :state) ORDER BY asked_at DESC, agent DESC, "offset" DESC LIMIT :limit`,
  )
  const forget = sql<[number]>(`DELETE FROM approvals WHERE state <> 'waiting' AND asked_at < ?`)
  return {
    /** Keeps a question; one that is known stays as it is. Whether it is new. */
    add: (row: NewApproval): boolean => add.run(row).changes === 1,
    get: (key: ApprovalKey): ApprovalRow | null => get.get({ agent: key.agent, offset: key.offset }) ?? null,
    /** Ends a question that waits. False when it has ended already. */
    end: (key: ApprovalKey, how: ApprovalEnd): boolean => end.run({ ...how, agent: key.agent, offset: key.offset }).changes === 1,
    /** The agent has the answer. */
    told: (key: ApprovalKey): void => void told.run({ agent: key.agent, offset: key.offset }),
    /** The agent is gone and never heard the answer. */
    unheard: (key: ApprovalKey): void => void unheard.run({ agent: key.agent, offset: key.offset }),
    waitingOf: (agent: number) => waitingOf.all(agent),
    /** Those that waited too long. @param now milliseconds since 1970 */
    due: (now: number) => due.all(now),
    /** The newest that match, eldest first. */
    list: (filter: ApprovalFilter) => list.all({ ...filter, limit: LISTED }).reverse(),
    /** Deletes what was asked before a moment. */
    forget: (before: number): void => void forget.run(before),
  }
}

export type ApprovalStore = ReturnType<typeof openApprovalStore>
