/** The only SQL of deliveries. Every verb is one transaction; within another's transaction it becomes a part of that. */
import type { Database } from 'better-sqlite3'
import type { Delivery, DeliveryAttempt, DeliveryPart, DeliveryState } from '../../../protocol/deliveries.ts'
import type { Outcome } from './bot-api.ts'
import type { NewPart } from './prepare.ts'
import type { Verdict } from './verdict.ts'

/** A text to be delivered, cut into messages already. */
export interface NewDelivery {
  readonly delivery_id: string
  readonly owner: string
  readonly bot_id: string
  /** The chat as Telegram knows it. */
  readonly chat_id: string
  readonly token_id: string
  readonly created_at: number
  readonly parts: readonly NewPart[]
}

/** Those whose messages must not overtake each other: one bot and one chat. */
export interface Chat {
  readonly token_id: string
  readonly chat_id: string
}

/** What a chat is owed next. */
export interface Next {
  readonly delivery_id: string
  readonly part: number
  readonly due_at: number
}

/** A part with all that decides how it is sent. */
export interface Job extends Chat, NewPart {
  readonly delivery_id: string
  readonly part: number
  readonly bot_id: string
  readonly owner: string
  readonly created_at: number
  /** How often it was tried and has to be tried again for reasons that pass. */
  readonly failures: number
  /** How many tries may have arrived. */
  readonly ambiguous: number
  /** 1 when Telegram has refused its HTML. */
  readonly html_refused: number
}

export interface DeliveryFilter {
  readonly owner?: string | undefined
  readonly bot_id?: string | undefined
  readonly chat_id?: string | undefined
  readonly state?: DeliveryState | undefined
  readonly before?: string | undefined
  readonly limit: number
}

interface OpenAttempt {
  readonly id: number
  readonly delivery_id: string
  readonly part: number
}

type DeliveryRow = Omit<Delivery, 'parts'>
type PartRow = Omit<DeliveryPart, 'attempts'>
type AttemptRow = Omit<DeliveryAttempt, 'n' | 'labelled'> & { readonly part: number; readonly labelled: number }

const DELIVERY = 'delivery_id, owner, bot_id, chat_id, state, reason, created_at, ended_at'

export const openDeliveryStore = (db: Database) => {
  const sql = <P extends unknown[] | object, R = unknown>(text: string) => db.prepare<P extends unknown[] ? P : [P], R>(text)

  const q = {
    add: sql<Omit<NewDelivery, 'parts'>>(
      `INSERT OR IGNORE INTO deliveries (delivery_id, owner, bot_id, chat_id, token_id, created_at)
       VALUES (:delivery_id, :owner, :bot_id, :chat_id, :token_id, :created_at)`,
    ),
    addPart: sql<NewPart & { delivery_id: string; n: number }>(
      `INSERT INTO delivery_parts (delivery_id, n, kind, html, plain, document)
       VALUES (:delivery_id, :n, :kind, :html, :plain, :document)`,
    ),
    chats: sql<[], Chat>(`SELECT DISTINCT token_id, chat_id FROM deliveries WHERE state = 'pending'`),
    next: sql<Chat, Next>(
      `SELECT d.delivery_id, p.n AS part, max(p.not_before_at, coalesce(w.until_at, 0)) AS due_at
       FROM deliveries d
       JOIN delivery_parts p ON p.delivery_id = d.delivery_id AND p.state = 'pending'
       LEFT JOIN delivery_pauses w ON w.token_id = d.token_id AND w.chat_id = d.chat_id
       WHERE d.token_id = :token_id AND d.chat_id = :chat_id AND d.state = 'pending'
       ORDER BY d.seq, p.n LIMIT 1`,
    ),
    job: sql<[string, number], Job>(
      `SELECT d.delivery_id, d.owner, d.bot_id, d.chat_id, d.token_id, d.created_at, p.n AS part, p.kind, p.html, p.plain, p.document,
         count(a.id) FILTER (WHERE NOT (a.outcome = 'refused' AND a.status = 400)) AS failures,
         count(a.id) FILTER (WHERE a.outcome = 'ambiguous') AS ambiguous,
         count(a.id) FILTER (WHERE a.outcome = 'refused' AND a.status = 400) > 0 AS html_refused
       FROM deliveries d
       JOIN delivery_parts p ON p.delivery_id = d.delivery_id
       LEFT JOIN delivery_attempts a ON a.delivery_id = p.delivery_id AND a.part = p.n
       WHERE d.delivery_id = ? AND p.n = ? GROUP BY d.seq`,
    ),
    sending: sql<[string, number]>(
      `UPDATE delivery_parts SET state = 'sending' WHERE delivery_id = ? AND n = ? AND state = 'pending'
       AND EXISTS (SELECT 1 FROM deliveries d WHERE d.delivery_id = delivery_parts.delivery_id AND d.state = 'pending')`,
    ),
    addAttempt: sql<[string, number, DeliveryAttempt['form'], number, number]>(
      'INSERT INTO delivery_attempts (delivery_id, part, form, labelled, started_at) VALUES (?, ?, ?, ?, ?)',
    ),
    endAttempt: sql<{ id: number } & Pick<AttemptRow, 'outcome' | 'status' | 'reason' | 'message_id' | 'ended_at'>>(
      `UPDATE delivery_attempts SET outcome = :outcome, status = :status, reason = :reason, message_id = :message_id, ended_at = :ended_at
       WHERE id = :id AND outcome = 'open'`,
    ),
    openAttempts: sql<[], OpenAttempt>(`SELECT id, delivery_id, part FROM delivery_attempts WHERE outcome = 'open' ORDER BY id`),
    partSent: sql<[number, string, number]>(
      `UPDATE delivery_parts SET state = 'sent', message_id = ? WHERE delivery_id = ? AND n = ?`,
    ),
    partAgain: sql<[number, string, number]>(
      `UPDATE delivery_parts SET not_before_at = ?, state =
         CASE (SELECT state FROM deliveries d WHERE d.delivery_id = delivery_parts.delivery_id) WHEN 'pending' THEN 'pending' ELSE 'cancelled' END
       WHERE delivery_id = ? AND n = ?`,
    ),
    partFailed: sql<[string, number]>(`UPDATE delivery_parts SET state = 'failed' WHERE delivery_id = ? AND n = ?`),
    partsDropped: sql<[string]>(`UPDATE delivery_parts SET state = 'cancelled' WHERE delivery_id = ? AND state = 'pending'`),
    delivered: sql<[number, string, string]>(
      `UPDATE deliveries SET state = 'delivered', ended_at = ? WHERE delivery_id = ? AND state = 'pending'
       AND NOT EXISTS (SELECT 1 FROM delivery_parts p WHERE p.delivery_id = ? AND p.state <> 'sent')`,
    ),
    failed: sql<[string, number, string]>(
      `UPDATE deliveries SET state = 'failed', reason = ?, ended_at = ? WHERE delivery_id = ? AND state = 'pending'`,
    ),
    cancelled: sql<[number, string]>(
      `UPDATE deliveries SET state = 'cancelled', reason = 'cancelled on request', ended_at = ? WHERE delivery_id = ? AND state = 'pending'`,
    ),
    pause: sql<Chat & { until_at: number }>(
      `INSERT INTO delivery_pauses (token_id, chat_id, until_at) VALUES (:token_id, :chat_id, :until_at)
       ON CONFLICT DO UPDATE SET until_at = max(until_at, excluded.until_at)`,
    ),
    pending: sql<[string], Chat & { delivery_id: string }>(
      `SELECT delivery_id, token_id, chat_id FROM deliveries WHERE owner = ? AND state = 'pending'`,
    ),
    delivery: sql<[string], DeliveryRow>(`SELECT ${DELIVERY} FROM deliveries WHERE delivery_id = ?`),
    ofOwner: sql<[string], DeliveryRow>(`SELECT ${DELIVERY} FROM deliveries WHERE owner = ? ORDER BY seq`),
    list: sql<Record<'owner' | 'bot_id' | 'chat_id' | 'state' | 'before', string | null> & { limit: number }, DeliveryRow>(
      `SELECT ${DELIVERY} FROM deliveries
       WHERE (:owner IS NULL OR owner = :owner) AND (:bot_id IS NULL OR bot_id = :bot_id) AND (:chat_id IS NULL OR chat_id = :chat_id)
         AND (:state IS NULL OR state = :state) AND (:before IS NULL OR seq < (SELECT seq FROM deliveries WHERE delivery_id = :before))
       ORDER BY seq DESC LIMIT :limit`,
    ),
    parts: sql<[string], PartRow>('SELECT n, kind, state, message_id FROM delivery_parts WHERE delivery_id = ? ORDER BY n'),
    attempts: sql<[string], AttemptRow>(
      `SELECT part, form, labelled, outcome, status, reason, message_id, started_at, ended_at
       FROM delivery_attempts WHERE delivery_id = ? ORDER BY id`,
    ),
    forget: sql<[number]>(`DELETE FROM deliveries WHERE state <> 'pending' AND ended_at < ?`),
    forgetPauses: sql<[number]>('DELETE FROM delivery_pauses WHERE until_at < ?'),
  }

  const toDelivery = (row: DeliveryRow): Delivery => {
    const attempts = q.attempts.all(row.delivery_id)
    const parts = q.parts.all(row.delivery_id).map((part) => ({
      ...part,
      attempts: attempts
        .filter((attempt) => attempt.part === part.n)
        .map(({ part: _, labelled, ...attempt }, index) => ({ n: index + 1, ...attempt, labelled: labelled === 1 })),
    }))
    return { ...row, parts }
  }

  const reasonOf = (outcome: Outcome): string | null =>
    outcome.kind === 'sent' ? null : outcome.kind === 'refused' ? outcome.description : outcome.reason

  return {
    /** Takes a delivery in. False when it is there already: then nothing is changed. */
    add: db.transaction(({ parts, ...delivery }: NewDelivery): boolean => {
      if (q.add.run(delivery).changes === 0) return false
      parts.forEach((part, n) => {
        q.addPart.run({ ...part, delivery_id: delivery.delivery_id, n })
      })
      return true
    }),
    /** The chats that are owed something. */
    chats: () => q.chats.all(),
    next: (chat: Chat) => q.next.get({ token_id: chat.token_id, chat_id: chat.chat_id }) ?? null,
    job: (next: Next) => q.job.get(next.delivery_id, next.part) ?? null,
    /** Writes down that the part is about to be sent, and gives the attempt's number; null when it was cancelled meanwhile. */
    begin: db.transaction((job: Job, form: DeliveryAttempt['form'], labelled: boolean, now: number): number | null => {
      if (q.sending.run(job.delivery_id, job.part).changes === 0) return null
      return Number(q.addAttempt.run(job.delivery_id, job.part, form, labelled ? 1 : 0, now).lastInsertRowid)
    }),
    /** Writes down what came of an attempt and what follows from it. True when the delivery has ended by it. */
    finish: db.transaction(
      (
        attemptId: number,
        job: Pick<Job, 'delivery_id' | 'part'> & Chat,
        outcome: Outcome,
        verdict: Verdict,
        now: number,
      ): boolean => {
        const { delivery_id, part, token_id, chat_id } = job
        q.endAttempt.run({
          id: attemptId,
          outcome: outcome.kind,
          status: outcome.kind === 'refused' ? outcome.status : outcome.kind === 'sent' ? 200 : null,
          reason: reasonOf(outcome),
          message_id: outcome.kind === 'sent' ? outcome.message_id : null,
          ended_at: now,
        })
        if (verdict.pause_until !== undefined) q.pause.run({ token_id, chat_id, until_at: verdict.pause_until })
        switch (verdict.kind) {
          case 'sent':
            q.partSent.run(verdict.message_id, delivery_id, part)
            return q.delivered.run(now, delivery_id, delivery_id).changes === 1
          case 'again':
            q.partAgain.run(verdict.not_before_at, delivery_id, part)
            return false
          case 'failed':
            q.partFailed.run(delivery_id, part)
            q.partsDropped.run(delivery_id)
            return q.failed.run(verdict.reason, now, delivery_id).changes === 1
        }
      },
    ),
    /** Ends a delivery that cannot even be tried. */
    fail: db.transaction((job: Job, reason: string, now: number): boolean => {
      q.partFailed.run(job.delivery_id, job.part)
      q.partsDropped.run(job.delivery_id)
      return q.failed.run(reason, now, job.delivery_id).changes === 1
    }),
    /** Closes the attempts that the last life left open, as ambiguous; they are tried again at once. Tells how many. */
    interrupt: db.transaction((reason: string, now: number): number => {
      const open = q.openAttempts.all()
      for (const { id, delivery_id, part } of open) {
        q.endAttempt.run({ id, outcome: 'ambiguous', status: null, reason, message_id: null, ended_at: now })
        q.partAgain.run(0, delivery_id, part)
      }
      return open.length
    }),
    /** Drops what was not sent yet. Gives the chats in which something else may be next now. */
    cancel: db.transaction((owner: string, now: number): Chat[] => {
      const pending = q.pending.all(owner)
      for (const { delivery_id } of pending) {
        q.partsDropped.run(delivery_id)
        q.cancelled.run(now, delivery_id)
      }
      return pending
    }),
    isPending: (owner: string) => q.pending.get(owner) !== undefined,
    delivery: (deliveryId: string) => {
      const row = q.delivery.get(deliveryId)
      return row ? toDelivery(row) : null
    },
    ofOwner: (owner: string) => q.ofOwner.all(owner).map(toDelivery),
    list: ({ owner = null, bot_id = null, chat_id = null, state = null, before = null, limit }: Nulled<DeliveryFilter>) =>
      q.list.all({ owner, bot_id, chat_id, state, before, limit }).map(toDelivery),
    /** Forgets deliveries that ended before this moment, with their evidence. */
    forget: db.transaction((before: number, now: number): number => {
      q.forgetPauses.run(now)
      return q.forget.run(before).changes
    }),
  }
}

type Nulled<T> = { readonly [K in keyof T]: undefined extends T[K] ? T[K] | null : T[K] }

export type DeliveryStore = ReturnType<typeof openDeliveryStore>
