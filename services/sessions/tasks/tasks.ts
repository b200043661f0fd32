/**
 * Background tasks. A task is a turn in a lane of its chat: in the chat's folder, with an agent and a conversation of its own
 * that begins as a copy of the chat's, so that the chat stays free. Queue, hand-over, watchdog and recovery are those of
 * turns. What is the task's own is how it begins, and what follows from its end: the delivery of its result and the next
 * batch of its chain (`harness/chain.ts`), both written in the transaction of that end (design §5 D).
 *
 * - **A** A project of a chat has at most one task that runs or is about to. A batch that waits out its pause gives way to a
 *   task that a person begins.
 * - **B** A task that goes on with an unfinished harness goes on in the lane's conversation, which knows the work; any other
 *   begins with a fresh copy of the chat's.
 * - **C** The pause between two batches is a moment in the next batch's row: whoever lives then begins it.
 */
import { createHash, randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { ServiceError } from '../../../protocol/errors.ts'
import type { Log } from '../../runtime/log.ts'
import { messageRecord } from '../ends.ts'
import type { EndedTurn, FollowUp } from '../follow-up.ts'
import { doneBefore, type NextBatch, nextStep } from '../harness/chain.ts'
import { findMarker } from '../harness/markers.ts'
import { mentionedProject, writePointer } from '../harness/pointer.ts'
import { type Harness, isAllDone, readHarness } from '../harness/progress.ts'
import type { Outbox } from '../outbox.ts'
import { newLane, newSession } from '../places.ts'
import type { At } from '../points.ts'
import { findRepeat } from '../repeats.ts'
import type { SessionRow, TurnEnd, TurnRow } from '../rows.ts'
import type { NewTurn, ResponseRef, Store } from '../store.ts'
import type { Deliveries } from '../telegram/deliveries.ts'
import type { Turns } from '../turns.ts'
import { type NewTask, ownerOf, type TaskRow, type TaskStore } from './store.ts'

export interface TasksDeps {
  readonly store: Store
  readonly taskStore: TaskStore
  readonly deliveries: Pick<Deliveries, 'prepare' | 'add' | 'poke' | 'cancel'>
  readonly outbox: Pick<Outbox, 'pokeSoon'>
  readonly turns: Turns
  readonly log: Log
  readonly at: At
  /** The real path of the session base. */
  readonly base: string
  /** Null while there is disk to record more work. */
  readonly diskShortage: () => string | null
  /** Why this work may not be begun today; null while there is money for it. */
  readonly refusal: (turn: NewTurn) => string | null
}

const LOOK_AGAIN_MS = 50

/** What somebody wants done. */
export interface TaskOrder {
  readonly bot_id: string
  readonly chat_id: string
  readonly message: string
  /** Empty: the one that the chat's folder stands for. */
  readonly project_id: string
  readonly token_id: string | null
  readonly idempotency_key: string | null
  readonly response: ResponseRef | null
  readonly chain: string | null
}

/** The project of a chat's folder where none is named: as the predecessor derived it, so that its clients' ids go on. */
export const projectOf = (cwd: string): string => createHash('md5').update(cwd).digest('hex').slice(0, 8)

/** Whether it waits for its place among others, or runs: a batch that waits out its pause does neither. */
const isUnderWay = (task: TaskRow, now: number): boolean =>
  task.turn_state === 'handing' || task.turn_state === 'running' || (task.turn_state === 'waiting' && (task.due_at ?? 0) <= now)

export class Tasks {
  readonly #o: TasksDeps

  constructor(deps: TasksDeps) {
    this.#o = deps
  }

  /**
   * Commits a task and begins it as soon as there is a slot. Throws `conflict` while the project has one under way
   * (**A**), with `data.elapsed`, its age in seconds.
   */
  async start(order: TaskOrder): Promise<string> {
    const { store, taskStore, turns } = this.#o
    for (;;) {
      const now = Date.now()
      const main = store.session({ ...order, lane: '' })
      const fresh = main ? null : newSession(this.#o.base, order.bot_id, order.chat_id, now, store.hasSlug)
      const chat = main ?? ({ ...fresh, first_done: 0, stopped: 0 } as SessionRow)
      const project = order.project_id || projectOf(chat.cwd)
      const turn = toTurn(order, project, now)
      const repeat = findRepeat(store, turn, order.response)
      if (repeat.turn_id !== null) return repeat.turn_id
      const before = taskStore.latest(order.bot_id, order.chat_id, project)
      if (before && isUnderWay(before, now)) {
        const elapsed = Math.floor((now - (before.started_at ?? before.created_at)) / 1_000)
        throw new ServiceError('conflict', 'already running', { data: { elapsed } })
      }
      if (before?.turn_state === 'waiting') {
        // Not to be had now: its end is being written.
        if (!(await turns.cancel(before.task_id))) await delay(LOOK_AGAIN_MS)
        continue
      }
      const lack = this.#o.diskShortage()
      if (lack !== null) throw new ServiceError('low_disk', lack)
      const refusal = this.#o.refusal(turn)
      if (refusal !== null) throw new ServiceError('over_budget', refusal)
      const row = store.together(() => {
        if (fresh) store.addSession(fresh)
        return this.#commit(order, chat, turn, repeat.expired)
      })
      this.#o.at('turn_committed', row.turn_id)
      turns.add(row)
      this.#o.outbox.pokeSoon()
      return row.turn_id
    }
  }

  #commit(order: TaskOrder, chat: SessionRow, turn: NewTurn, expiredKeyOf: string | null): TurnRow {
    const { store, taskStore, base } = this.#o
    const now = turn.created_at
    const lane = store.session(turn)
    const harness = readHarness(chat.cwd, base)
    const goesOn = lane !== null && lane.first_done === 1 && harness !== null && !isAllDone(harness)
    if (lane === null) store.addSession(newLane(chat, turn.lane, now))
    else if (!goesOn) store.newConversation(lane, randomUUID(), chat.conversation_id)
    const row = store.takeIn(turn, null, expiredKeyOf, order.response, messageRecord(turn, now))
    taskStore.add({ ...first(turn.turn_id, order, turn.lane), done_before: doneBefore(harness) })
    return row
  }

  /** What follows from the end of a turn in a lane: its delivery, and the next batch. */
  follow(turn: EndedTurn, end: TurnEnd): FollowUp | null {
    if (turn.lane === '') return null
    const task = this.#o.taskStore.task(turn.turn_id)
    return task ? this.#afterTask(turn, task, end) : this.#afterOwnTurn(turn, end)
  }

  #afterTask(turn: EndedTurn, task: TaskRow, end: TurnEnd): FollowUp {
    const { store, taskStore, deliveries } = this.#o
    const after = this.#harnessAfter(turn, end)
    const step = nextStep({
      state: end.state,
      reply: end.reply,
      reason: end.reason,
      marker: findMarker(end.reply),
      done_before: task.done_before,
      after,
      is_stopped: store.turn(task.task_id)?.cancel_asked === 1,
      depth: task.depth,
      decompositions: task.decompositions,
      interruptions: task.interruptions,
      stale: task.stale,
    })
    const told = [step.note, step.text].filter(Boolean).join('\n\n')
    const delivery = end.state === 'cancelled' ? null : this.#deliveryOf(task, ownerOf(task.task_id), task.token_id, told)
    let next: TurnRow | null = null
    return {
      goesOn: step.next !== null,
      commit: () => {
        taskStore.end(task.task_id, step.outcome, step.note)
        if (delivery) deliveries.add(delivery)
        if (step.next) next = this.#chain(task, step.next, after)
      },
      done: (add) => {
        if (next) add(next)
        if (delivery) deliveries.poke()
      },
    }
  }

  /** A tool that a task left in the background has ended, and the CLI tells of it: the person hears of it, too. */
  #afterOwnTurn(turn: EndedTurn, end: TurnEnd): FollowUp | null {
    const { taskStore, deliveries } = this.#o
    const task = taskStore.latest(turn.bot_id, turn.chat_id, turn.lane)
    if (!task || end.reply.trim() === '') return null
    const delivery = this.#deliveryOf(task, `turn:${turn.turn_id}`, task.token_id, end.reply)
    if (!delivery) return null
    return { goesOn: false, commit: () => deliveries.add(delivery), done: () => deliveries.poke() }
  }

  #deliveryOf({ bot_id, chat_id }: TaskRow, owner: string, tokenId: string | null, text: string) {
    if (tokenId === null) return null
    return this.#o.deliveries.prepare({ delivery_id: owner, owner, bot_id, chat_id, token_id: tokenId, text })
  }

  /** How far the harness is behind a batch. A reply may have named the folder in which it lies from now on. */
  #harnessAfter(turn: EndedTurn, end: TurnEnd): Harness | null {
    const { store, base, log } = this.#o
    const session = store.session(turn)
    if (!session) return null
    try {
      const dir = end.state === 'answered' ? mentionedProject(end.reply, { cwd: session.cwd, base }) : null
      if (dir !== null) writePointer(session.cwd, dir)
      return readHarness(session.cwd, base)
    } catch (error) {
      // A harness that cannot be read must not keep a result from its person.
      log.error({ err: error, turn: turn.turn_id }, 'the harness of a task could not be read')
      return null
    }
  }

  #chain(task: TaskRow, next: NextBatch, after: Harness | null): TurnRow {
    const { store, taskStore, at } = this.#o
    const now = Date.now()
    const turn = {
      turn_id: randomUUID(),
      bot_id: task.bot_id,
      chat_id: task.chat_id,
      lane: task.project_id,
      message: next.prompt,
      user_id: null,
      username: null,
      idempotency_key: null,
      chain: store.turn(task.task_id)?.chain ?? null,
      unattended: 1,
      created_at: now,
      due_at: now + next.delay_ms,
    }
    const { depth, decompositions, interruptions, stale } = next
    const row = store.takeIn(turn, null, null, null, null)
    const { bot_id, chat_id, project_id, chain_id, token_id } = task
    taskStore.add({
      ...{ task_id: turn.turn_id, bot_id, chat_id, project_id, chain_id, token_id },
      ...{ depth, decompositions, interruptions, stale, done_before: doneBefore(after) },
    })
    at('batch_written', turn.turn_id)
    return row
  }

  /** Ends a task, and with it its chain. False when it had ended. Throws `not_found`. */
  async cancel(taskId: string): Promise<boolean> {
    if (!this.#o.taskStore.task(taskId)) throw new ServiceError('not_found', 'there is no such task')
    return await this.#o.turns.cancel(taskId)
  }
}

const toTurn = (order: TaskOrder, lane: string, now: number): NewTurn => ({
  turn_id: randomUUID(),
  bot_id: order.bot_id,
  chat_id: order.chat_id,
  lane,
  message: order.message,
  user_id: null,
  username: null,
  idempotency_key: order.idempotency_key,
  chain: order.chain,
  unattended: 1,
  created_at: now,
  due_at: null,
})

const first = (taskId: string, { bot_id, chat_id, token_id }: TaskOrder, project: string): Omit<NewTask, 'done_before'> => ({
  task_id: taskId,
  chain_id: taskId,
  project_id: project,
  ...{ bot_id, chat_id, token_id, depth: 0, decompositions: 0, interruptions: 0, stale: 0 },
})
