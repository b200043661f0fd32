/** What is kept of a turn that the CLI began by itself: a turn of its own, in the rows, in history, and for who is to be told. */
import { randomUUID } from 'node:crypto'
import type { OwnTurn } from './agent/own-turns.ts'
import { ownEnd, ownRecord } from './ends.ts'
import type { TurnRow } from './rows.ts'
import type { TurnsOptions } from './turns-options.ts'
import type { WarmAgent } from './warm-agent.ts'

/** Records it, ended. @param next where the line behind it begins. @param add takes a turn that follows from it */
export const recordOwnTurn = async (
  { store, outbox, untilWritten, follow }: Pick<TurnsOptions, 'store' | 'outbox' | 'untilWritten' | 'follow'>,
  warm: WarmAgent,
  own: OwnTurn,
  next: number,
  add: (row: TurnRow) => void,
): Promise<TurnRow> => {
  const now = Date.now()
  const { bot_id, chat_id, lane, n: agent } = warm.row
  const turn = { turn_id: randomUUID(), bot_id, chat_id, lane, agent, start_offset: own.start_offset, now }
  const end = ownEnd(own, warm.cost_usd)
  warm.cost_usd = Math.max(warm.cost_usd, own.result.total_cost_usd ?? 0)
  const total = warm.cost_usd
  const record = end.reply === '' ? null : ownRecord({ ...turn, message: '', user_id: null, username: null }, end.reply, now)
  const followUp = follow({ ...turn, origin: 'agent' }, end)
  const commit = () => store.addOwnTurn(turn, end, next, total, record, () => followUp?.commit())
  await warm.recorded
  await untilWritten('a turn that an agent began by itself', { agent }, commit)
  followUp?.done(add)
  outbox.poke()
  return store.turn(turn.turn_id) as TurnRow
}
