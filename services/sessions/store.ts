/**
 * The only SQL of sessions: prepared statements behind verbs, without decisions. Every verb is one transaction.
 *
 * The database is opened with synchronous=FULL, so what a verb has written when it returns survives a power cut
 * (invariant A rests on this). `soft` verbs write what survives the death of this process and may be forgotten in a power cut,
 * since the next life comes to the same conclusion without it: an fsync each would be 40 % of the work of a short turn.
 */
import type { Database } from 'better-sqlite3'
import type { HistoryRecord } from '../../protocol/history.ts'
import type { ProcessIdentity } from './agent/process.ts'
import type { AgentRow, NewSession, NoticeRow, SessionRef, SessionRow, TurnEnd, TurnRow } from './rows.ts'

/** A message as it is taken in. */
export interface NewTurn extends SessionRef {
  readonly turn_id: string
  readonly message: string
  readonly user_id: string | null
  readonly username: string | null
  readonly idempotency_key: string | null
  readonly created_at: number
  /** Not to be handed over before this moment. */
  readonly chain: string | null
  /** 1: nobody waits for its answer. */
  readonly unattended: number
  readonly due_at: number | null
}

/** A response that an edge is about to give. */
export interface ResponseRef {
  readonly response_id: string
  readonly edge: string
}

export interface NewAgent extends SessionRef {
  readonly conversation_id: string
  readonly nonce: string
  readonly boot_id: string
  readonly fingerprint: string
  readonly permission_mode: string
  readonly started_at: number
}

/** A turn that the CLI began by itself. */
export interface NewOwnTurn extends SessionRef {
  readonly turn_id: string
  readonly agent: number
  readonly start_offset: number
  readonly now: number
}

export interface OutboxRow {
  readonly id: number
  readonly record: string
}

const OPEN = `('waiting', 'handing', 'running')`
/** Turns stay for ever, and few of them are open: left to itself, SQLite looks for the open ones of a chat among all that it ever had. */
const OPEN_TURNS = 'turns t INDEXED BY turns_open'

export const openStore = (db: Database) => {
  const sql = <P extends unknown[] | object, R = unknown>(text: string) => db.prepare<P extends unknown[] ? P : [P], R>(text)

  const q = {
    session: sql<[string, string, string], SessionRow>('SELECT * FROM sessions WHERE bot_id = ? AND chat_id = ? AND lane = ?'),
    lanes: sql<[string, string], SessionRow>('SELECT * FROM sessions WHERE bot_id = ? AND chat_id = ? ORDER BY lane'),
    sessions: sql<{ bot_id: string | null }, SessionRow>(
      'SELECT * FROM sessions WHERE stopped = 0 AND (:bot_id IS NULL OR bot_id = :bot_id) ORDER BY last_active_at DESC',
    ),
    countSessions: sql<[], { n: number }>('SELECT count(*) AS n FROM sessions WHERE stopped = 0'),
    hasSlug: sql<[string], { n: number }>('SELECT count(*) AS n FROM sessions WHERE slug = ?'),
    addSession: sql<NewSession>(
      `INSERT INTO sessions (bot_id, chat_id, lane, cwd, slug, conversation_id, fork_of, created_at, last_active_at)
       VALUES (:bot_id, :chat_id, :lane, :cwd, :slug, :conversation_id, :fork_of, :created_at, :last_active_at)`,
    ),
    wakeSession: sql<[number, string, string, string]>(
      'UPDATE sessions SET stopped = 0, last_active_at = ? WHERE bot_id = ? AND chat_id = ? AND lane = ?',
    ),
    touchSession: sql<[number, string, string, string]>(
      'UPDATE sessions SET last_active_at = ? WHERE bot_id = ? AND chat_id = ? AND lane = ?',
    ),
    sessionReached: sql<[string, string, string]>(
      'UPDATE sessions SET first_done = 1 WHERE bot_id = ? AND chat_id = ? AND lane = ?',
    ),
    newConversation: sql<[string, string | null, string, string, string]>(
      'UPDATE sessions SET conversation_id = ?, fork_of = ?, first_done = 0 WHERE bot_id = ? AND chat_id = ? AND lane = ?',
    ),
    stopSession: sql<[string, string]>(
      `UPDATE sessions SET stopped = 1 WHERE bot_id = ? AND chat_id = ? AND lane = ''
       AND NOT EXISTS (SELECT 1 FROM ${OPEN_TURNS} WHERE t.bot_id = sessions.bot_id AND t.chat_id = sessions.chat_id AND t.state IN ${OPEN})`,
    ),
    dropLanes: sql<[string, string]>(
      `DELETE FROM sessions WHERE bot_id = ? AND chat_id = ? AND lane <> '' AND NOT EXISTS (SELECT 1 FROM ${OPEN_TURNS}
         WHERE t.bot_id = sessions.bot_id AND t.chat_id = sessions.chat_id AND t.lane = sessions.lane AND t.state IN ${OPEN})`,
    ),

    turn: sql<[string], TurnRow>('SELECT * FROM turns WHERE turn_id = ?'),
    turnByKey: sql<[string, string, string], { turn_id: string; lane: string; message: string; created_at: number }>(
      'SELECT turn_id, lane, message, created_at FROM turns WHERE bot_id = ? AND chat_id = ? AND idempotency_key = ?',
    ),
    freeKey: sql<[string]>('UPDATE turns SET idempotency_key = NULL WHERE turn_id = ?'),
    openTurns: sql<[], TurnRow>(`SELECT * FROM turns WHERE state IN ${OPEN} ORDER BY seq`),
    countAhead: sql<[string, string, string], { n: number }>(
      `SELECT count(*) AS n FROM ${OPEN_TURNS} WHERE bot_id = ? AND chat_id = ? AND lane = ? AND state IN ${OPEN}`,
    ),
    addTurn: sql<NewTurn & { ahead: number }>(
      `INSERT INTO turns (turn_id, bot_id, chat_id, lane, origin, state, message, user_id, username, idempotency_key, chain, unattended, ahead, created_at, due_at)
       VALUES (:turn_id, :bot_id, :chat_id, :lane, 'message', 'waiting', :message, :user_id, :username, :idempotency_key, :chain, :unattended, :ahead, :created_at, :due_at)`,
    ),
    handing: sql<[number, number, string | null, string]>(
      `UPDATE turns SET state = 'handing', agent = ?, start_offset = ?, memories = ?, attempts = attempts + 1
       WHERE turn_id = ? AND state = 'waiting'`,
    ),
    handed: sql<[number, string]>(`UPDATE turns SET state = 'running', started_at = ? WHERE turn_id = ? AND state = 'handing'`),
    unhand: sql<[string]>(
      `UPDATE turns SET state = 'waiting', agent = NULL, start_offset = NULL, started_at = NULL
       WHERE turn_id = ? AND state IN ('handing', 'running')`,
    ),
    askCancel: sql<[string]>(`UPDATE turns SET cancel_asked = 1 WHERE turn_id = ? AND state IN ${OPEN}`),
    addWait: sql<[number, string]>(`UPDATE turns SET waited_ms = waited_ms + ? WHERE turn_id = ?`),
    end: sql<Required<TurnEnd> & { turn_id: string; ended_at: number }>(
      `UPDATE turns SET state = :state, reply = :reply, reason = :reason, end_offset = :end_offset, ended_at = :ended_at,
         input_tokens = :input_tokens, output_tokens = :output_tokens, cache_read_tokens = :cache_read_tokens,
         cache_creation_tokens = :cache_creation_tokens, cost_usd = :cost_usd, duration_ms = :duration_ms,
         first_token_ms = :first_token_ms, model = :model
       WHERE turn_id = :turn_id AND state IN ${OPEN}`,
    ),
    addOwnTurn: sql<NewOwnTurn>(
      `INSERT INTO turns (turn_id, bot_id, chat_id, lane, origin, state, message, agent, start_offset, created_at, started_at)
       VALUES (:turn_id, :bot_id, :chat_id, :lane, 'agent', 'running', '', :agent, :start_offset, :now, :now)`,
    ),

    response: sql<[string], { turn_id: string }>('SELECT turn_id FROM responses WHERE response_id = ?'),
    addResponse: sql<[string, string, string, number]>(
      'INSERT INTO responses (response_id, turn_id, edge, created_at) VALUES (?, ?, ?, ?)',
    ),
    brokenResponse: sql<
      SessionRef & { user_id: string | null; message: string; edge: string; since: number },
      { response_id: string; turn_id: string }
    >(
      `SELECT r.response_id, r.turn_id FROM responses r JOIN turns t ON t.turn_id = r.turn_id
       WHERE t.seq = (SELECT max(seq) FROM turns WHERE bot_id = :bot_id AND chat_id = :chat_id AND lane = :lane AND origin = 'message')
         AND t.message = :message AND t.user_id IS :user_id AND r.created_at >= :since
         AND (r.state = 'broken' OR (r.state = 'open' AND r.edge <> :edge))
       ORDER BY r.created_at LIMIT 1`,
    ),
    resumeResponse: sql<[string]>(`UPDATE responses SET state = 'resumed' WHERE response_id = ?`),
    endResponse: sql<['completed' | 'broken', string]>(`UPDATE responses SET state = ? WHERE response_id = ? AND state = 'open'`),
    forgetResponses: sql<[number]>('DELETE FROM responses WHERE created_at < ?'),

    agent: sql<[number], AgentRow>('SELECT * FROM agents WHERE n = ?'),
    // One that was imported, or was just begun, has had no agent yet.
    conversations: sql<{ bot_id: string; chat_id: string }, { conversation_id: string }>(
      `SELECT conversation_id FROM agents WHERE bot_id = :bot_id AND chat_id = :chat_id
       UNION SELECT conversation_id FROM sessions WHERE bot_id = :bot_id AND chat_id = :chat_id`,
    ),
    agentsAlive: sql<[], AgentRow>(`SELECT * FROM agents WHERE state <> 'dead' ORDER BY n`),
    addAgent: sql<NewAgent>(
      `INSERT INTO agents (bot_id, chat_id, lane, conversation_id, nonce, boot_id, fingerprint, permission_mode, state, started_at)
       VALUES (:bot_id, :chat_id, :lane, :conversation_id, :nonce, :boot_id, :fingerprint, :permission_mode, 'live', :started_at)`,
    ),
    agentProcess: sql<[number, string, number]>('UPDATE agents SET pid = ?, pid_start = ? WHERE n = ?'),
    agentRetiring: sql<[number]>(`UPDATE agents SET state = 'retiring' WHERE n = ? AND state = 'live'`),
    agentDead: sql<[number | null, number, number]>(
      `UPDATE agents SET state = 'dead', exit_status = ?, ended_at = ? WHERE n = ?`,
    ),
    forgetAgent: sql<[number]>('DELETE FROM agents WHERE n = ?'),
    agentByNonce: sql<[string], AgentRow & { exit_status: number | null }>('SELECT * FROM agents WHERE nonce = ?'),
    keptLogs: sql<[], { n: number; ended_at: number }>(
      `SELECT n, ended_at FROM agents WHERE state = 'dead' AND logs_kept = 1 ORDER BY ended_at DESC, n DESC`,
    ),
    logsGone: sql<[number]>('UPDATE agents SET logs_kept = 0 WHERE n = ?'),
    agentFolded: sql<[number, number, number]>(
      'UPDATE agents SET folded_offset = max(folded_offset, ?), cost_usd = max(cost_usd, ?) WHERE n = ?',
    ),

    addNotice: sql<[string, number, number, string, number, number, string]>(
      `INSERT INTO turn_notices (turn_id, agent, "offset", piece, content)
       VALUES (?, ?, ?, (SELECT coalesce(max(piece), 9) + 1 FROM turn_notices WHERE turn_id = ? AND agent = ? AND "offset" = ?), ?)`,
    ),
    notices: sql<[string], NoticeRow>(
      'SELECT agent, "offset", piece, content FROM turn_notices WHERE turn_id = ? ORDER BY agent, "offset", piece',
    ),

    owe: sql<[string, string, number]>('INSERT OR IGNORE INTO outbox (record_id, record, created_at) VALUES (?, ?, ?)'),
    owed: sql<[number], OutboxRow>('SELECT id, record FROM outbox WHERE rejected IS NULL ORDER BY id LIMIT ?'),
    isOwed: sql<[string], { n: number }>('SELECT count(*) AS n FROM outbox WHERE record_id = ? AND rejected IS NULL'),
    paid: sql<[number]>('DELETE FROM outbox WHERE id = ?'),
    rejected: sql<[string, number]>('UPDATE outbox SET rejected = ? WHERE id = ?'),
  }

  const owe = (record: HistoryRecord | null): void => {
    if (record) q.owe.run(record.record_id, JSON.stringify(record), record.created_at)
  }

  const writeEnd = (turnId: string, end: TurnEnd, endedAt: number): boolean =>
    q.end.run({
      input_tokens: null,
      output_tokens: null,
      cache_read_tokens: null,
      cache_creation_tokens: null,
      cost_usd: null,
      duration_ms: null,
      first_token_ms: null,
      model: null,
      ...end,
      turn_id: turnId,
      ended_at: endedAt,
    }).changes === 1

  /** A verb without an fsync of its own; the next FULL commit brings it to the disk, too. */
  const soft =
    <A extends unknown[], R>(verb: (...args: A) => R) =>
    (...args: A): R => {
      db.pragma('synchronous = NORMAL')
      try {
        return verb(...args)
      } finally {
        db.pragma('synchronous = FULL')
      }
    }

  return {
    session: ({ bot_id, chat_id, lane }: SessionRef) => q.session.get(bot_id, chat_id, lane) ?? null,
    addSession: (session: NewSession) => void q.addSession.run(session),
    /** A chat and its lanes, the chat first. */
    lanes: (botId: string, chatId: string) => q.lanes.all(botId, chatId),
    sessions: (botId: string | null) => q.sessions.all({ bot_id: botId }),
    countSessions: () => q.countSessions.get()?.n ?? 0,
    hasSlug: (slug: string) => (q.hasSlug.get(slug)?.n ?? 0) > 0,
    /** The session goes on in another conversation, which begins as a copy of `forkOf` or empty. */
    newConversation: ({ bot_id, chat_id, lane }: SessionRef, id: string, forkOf: string | null = null) =>
      void q.newConversation.run(id, forkOf, bot_id, chat_id, lane),
    /** The chat is listed no more until its next message, and its lanes are no more; what has come in meanwhile keeps its session. */
    stopSession: db.transaction((botId: string, chatId: string) => {
      q.stopSession.run(botId, chatId)
      q.dropLanes.run(botId, chatId)
    }),

    turn: (turnId: string) => q.turn.get(turnId) ?? null,
    openTurns: () => q.openTurns.all(),
    turnByKey: (botId: string, chatId: string, key: string) => q.turnByKey.get(botId, chatId, key) ?? null,

    /** Takes a message in: its turn, its session where that is new, and what is owed to history. */
    takeIn: db.transaction(
      (
        turn: NewTurn,
        session: NewSession | null,
        expiredKeyOf: string | null,
        response: ResponseRef | null,
        record: HistoryRecord | null,
      ) => {
        if (expiredKeyOf !== null) q.freeKey.run(expiredKeyOf)
        if (session) q.addSession.run(session)
        else q.wakeSession.run(turn.created_at, turn.bot_id, turn.chat_id, turn.lane)
        if (turn.lane !== '') q.wakeSession.run(turn.created_at, turn.bot_id, turn.chat_id, '')
        const ahead = q.countAhead.get(turn.bot_id, turn.chat_id, turn.lane)?.n ?? 0
        q.addTurn.run({ ...turn, ahead })
        if (response) q.addResponse.run(response.response_id, turn.turn_id, response.edge, turn.created_at)
        owe(record)
        return q.turn.get(turn.turn_id) as TurnRow
      },
    ),
    /** Makes what several verbs write one transaction. */
    together: <R>(work: () => R): R => db.transaction(work)(),

    /** The turn that a response was given for, or null. */
    turnOfResponse: (responseId: string) => q.response.get(responseId)?.turn_id ?? null,
    /**
     * Gives the response to the turn of an earlier one that broke, and tells which that is: the latest message of the
     * session, by the same user, in the same words, answered since `since` by a response that is known to be broken. Null
     * where there is none. A broken response is taken up once.
     */
    resume: db.transaction((turn: NewTurn, response: ResponseRef, since: number): string | null => {
      q.forgetResponses.run(since)
      const { bot_id, chat_id, lane, user_id, message } = turn
      const broken = q.brokenResponse.get({ bot_id, chat_id, lane, user_id, message, edge: response.edge, since })
      if (!broken) return null
      q.resumeResponse.run(broken.response_id)
      q.addResponse.run(response.response_id, broken.turn_id, response.edge, turn.created_at)
      return broken.turn_id
    }),
    endResponse: soft(
      (responseId: string, completed: boolean) => void q.endResponse.run(completed ? 'completed' : 'broken', responseId),
    ),

    /** The message is about to be written to this agent, whose log stands at this position, with these memories before it. */
    handing: (turnId: string, agent: number, offset: number, memories: readonly number[]) =>
      q.handing.run(agent, offset, memories.length === 0 ? null : JSON.stringify(memories), turnId).changes === 1,
    /** The whole message was written, or proven to have arrived. */
    handed: soft(
      db.transaction((turn: SessionRef & { readonly turn_id: string }, now: number) => {
        q.handed.run(now, turn.turn_id)
        q.sessionReached.run(turn.bot_id, turn.chat_id, turn.lane)
      }),
    ),
    /** It was proven that the agent never had it: it waits again. */
    unhand: (turnId: string) => void q.unhand.run(turnId),
    askCancel: (turnId: string) => q.askCancel.run(turnId).changes === 1,
    addWaits: soft(
      db.transaction((waits: readonly (readonly [turnId: string, ms: number])[]) => {
        for (const [turnId, ms] of waits) q.addWait.run(ms, turnId)
      }),
    ),

    /**
     * Ends a turn, with all that follows from it (invariant D), also what `follow` writes. False when it had ended before:
     * then nothing is written.
     */
    end: db.transaction(
      (
        turn: TurnRow,
        end: TurnEnd,
        agent: { n: number; folded: number; cost_usd: number } | null,
        record: HistoryRecord,
        now: number,
        follow: () => void = () => undefined,
      ) => {
        if (!writeEnd(turn.turn_id, end, now)) return false
        owe(record)
        q.touchSession.run(now, turn.bot_id, turn.chat_id, turn.lane)
        if (agent) q.agentFolded.run(agent.folded, agent.cost_usd, agent.n)
        follow()
        return true
      },
    ),

    /** Records a turn that the CLI began by itself, already ended. */
    addOwnTurn: db.transaction(
      (
        turn: NewOwnTurn,
        end: TurnEnd,
        folded: number,
        totalCost: number,
        record: HistoryRecord | null,
        follow: () => void = () => undefined,
      ) => {
        q.addOwnTurn.run(turn)
        writeEnd(turn.turn_id, end, turn.now)
        owe(record)
        q.agentFolded.run(folded, totalCost, turn.agent)
        follow()
      },
    ),

    agent: (n: number) => q.agent.get(n) ?? null,
    agentsAlive: () => q.agentsAlive.all(),
    /** All conversations that a chat and its tasks have had. */
    conversations: (bot_id: string, chat_id: string) =>
      q.conversations.all({ bot_id, chat_id }).map((row) => row.conversation_id),
    addAgent: soft((agent: NewAgent) => q.agent.get(Number(q.addAgent.run(agent).lastInsertRowid)) as AgentRow),
    agentProcess: soft((n: number, process: ProcessIdentity) => void q.agentProcess.run(process.pid, process.start, n)),
    agentRetiring: soft((n: number) => void q.agentRetiring.run(n)),
    agentDead: soft((n: number, status: number | null, now: number) => void q.agentDead.run(status, now, n)),

    /** Of one that never began. Its number is not given again. */
    forgetAgent: soft((n: number) => void q.forgetAgent.run(n)),

    agentByNonce: (nonce: string) => q.agentByNonce.get(nonce) ?? null,
    /** Agents that have left and whose logs are still kept, the last one first. */
    keptLogs: () => q.keptLogs.all(),
    logsGone: soft((n: number) => void q.logsGone.run(n)),

    addNotice: (turnId: string, agent: number, offset: number, content: string) =>
      void q.addNotice.run(turnId, agent, offset, turnId, agent, offset, content),
    notices: (turnId: string) => q.notices.all(turnId),

    owed: (limit: number) => q.owed.all(limit),
    isOwed: (recordId: string) => (q.isOwed.get(recordId)?.n ?? 0) > 0,
    paid: soft(
      db.transaction((ids: readonly number[]) => {
        for (const id of ids) q.paid.run(id)
      }),
    ),
    rejected: (id: number, why: string) => void q.rejected.run(why, id),
  }
}

export type Store = ReturnType<typeof openStore>
