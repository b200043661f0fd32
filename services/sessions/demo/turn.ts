import { randomBytes } from 'node:crypto'
import type { Agent } from './agent.ts'
import type { Directives } from './directives.ts'
import type { Message, Work } from './inbox.ts'
import { DEMO_DELAY_MS, demoReply } from './reply.ts'
import { type Block, complain, composeAnswer, composeOwnAnswer, reach, readScript, splitWords } from './script.ts'
import { type Speech, speak } from './speech.ts'
import { useTool } from './tool-call.ts'
import { Interrupted, wait, waitForever } from './wait.ts'

/** How a turn has ended; `quiet`: without a result line, as a script wanted it. */
export type Ending = { isError: boolean; quiet: boolean }

/** A turn on its way. */
export type Turn = {
  agent: Agent
  messages: Message[]
  /** Of the messages to which the host gave one: only those are told of. */
  uuids: string[]
  text: string
  origin: { kind: 'task-notification'; producer: 'session-task'; runId: string } | null
  wish: Directives
  signal: AbortSignal
  began: number
  /** When the first byte of the answer came. */
  firstAt: number
  /** Shows the message once more, once. */
  replay(): void
}

/** Runs one turn from `started` to `completed`, line by line as the CLI does. */
export async function runTurn(agent: Agent, work: Work, signal: AbortSignal): Promise<Ending> {
  const turn = beginTurn(agent, work, signal)
  const { out, transcript } = agent
  const last = turn.messages.at(-1)
  for (const message of turn.messages.slice(0, -1)) if (!out.options.legacy) out.replay(message.uuid, message.text, true)
  for (const message of turn.messages) if (message.named) out.lifecycle(message.uuid, 'started')
  reach('started', turn.wish)
  out.init(turn.uuids)
  reach('init', turn.wish)
  transcript.user({
    uuid: last?.uuid ?? randomBytes(16).toString('hex'),
    text: turn.text,
    merged: turn.messages.slice(0, -1).map((message) => message.uuid),
    ...(turn.origin && { origin: turn.origin }),
  })
  try {
    await ask(turn)
    if (turn.wish.has('api_error')) return endWithError(turn)
    const text = await answer(turn)
    if (turn.wish.has('no_result')) return { isError: false, quiet: true }
    const ttft_ms = turn.firstAt - turn.began
    const fields = { is_error: false, num_turns: 1, subtype: 'success', api_error_status: null, result: text, ttft_ms }
    return end(turn, { stop_reason: 'end_turn', terminal_reason: 'completed', ...fields }, 'completed')
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    const terminal_reason = error.message === 'tool' ? 'aborted_tools' : 'aborted_streaming'
    const errors = ['[ede_diagnostic] result_type=user last_content_type=n/a stop_reason=null']
    return end(
      turn,
      { stop_reason: null, terminal_reason, is_error: true, num_turns: 2, subtype: 'error_during_execution', errors },
      'cancelled',
    )
  }
}

function beginTurn(agent: Agent, { messages, notification }: Work, signal: AbortSignal): Turn {
  const text = notification
    ? `<task-notification>\n${notification.summary}\n</task-notification>`
    : messages.map((message) => message.text).join('\n')
  const last = messages.at(-1)
  let replayed = false
  return {
    agent,
    messages: [...messages],
    uuids: messages.filter((message) => message.named).map((message) => message.uuid),
    text,
    origin: notification ? { kind: 'task-notification', producer: 'session-task', runId: notification.runId } : null,
    wish: readScript(notification?.script ?? text, agent.scripted),
    signal,
    began: Date.now(),
    firstAt: 0,
    replay: () => {
      if (last && !replayed) agent.out.replay(last.uuid, text)
      replayed = true
    },
  }
}

/** The request to the model, up to its first byte. */
async function ask(turn: Turn): Promise<void> {
  const { agent, wish, signal, origin } = turn
  agent.out.requesting(turn.uuids)
  turn.firstAt = Date.now()
  if (origin) return
  reach('requesting', wish)
  agent.journal(turn.messages)
  complain(wish)
  reach('seen', wish)
  try {
    for (let attempt = 1; attempt <= wish.number('retry', 0); attempt += 1) {
      const retry_delay_ms = wish.number('retry_ms', 10)
      agent.out.system('api_retry', { attempt, max_retries: 10, retry_delay_ms, error_status: 529, error: 'overloaded' })
      await wait(retry_delay_ms, signal)
    }
    if (wish.has('first_ms')) await wait(wish.number('first_ms', 0), signal)
    if (wish.has('hang')) await waitForever(signal)
  } catch (error) {
    if (error instanceof Interrupted) {
      turn.replay()
      agent.out.user([{ type: 'text', text: '[Request interrupted by user]' }])
    }
    throw error
  }
  turn.firstAt = Date.now()
  if (!agent.out.options.legacy) turn.replay()
  reach('first', wish)
  if (wish.has('garbage'))
    for (const line of ['not json at all', '', '{"type":"never_heard_of"}', '[1,2]', '"text"', 'null']) agent.out.raw(line)
  if (wish.has('long_line')) agent.out.system('informational', { content: 'l'.repeat(wish.number('long_line', 0)) })
}

/** Tool call, tool result and text. Returns the text. */
async function answer(turn: Turn): Promise<string> {
  const { agent, wish, origin } = turn
  if (wish.has('tool') && !origin) await useTool(turn, speechOf(turn))
  if (wish.has('own_turn_after_ms') && !origin) agent.tasks.start(wish.number('own_turn_after_ms', 0), `toolu_${id()}`, turn.text)
  const { text, message } = await speak(speechOf(turn), blocksOf(turn), 'end_turn')
  turn.replay()
  agent.transcript.assistant(message)
  return text
}

function blocksOf({ agent, wish, text, origin }: Turn): Block[] {
  if (origin) return composeOwnAnswer(wish)
  if (agent.scripted) return composeAnswer(wish)
  return [{ kind: 'text', parts: splitWords(demoReply(text, agent.transcript.count())) }]
}

function speechOf(turn: Turn): Speech {
  const { agent, wish, signal, origin, uuids, replay } = turn
  const delayMs = wish.number(origin ? 'own_delay_ms' : 'delay_ms', agent.scripted ? 0 : DEMO_DELAY_MS)
  // The faults in a script are meant for the message itself, not for the turn that follows its background task.
  const faults = origin ? readScript('', false) : wish
  return {
    out: agent.out,
    ledger: agent.ledger,
    wish: faults,
    signal,
    uuids,
    delayMs,
    model: agent.out.options.model,
    beforeAssistant: replay,
  }
}

function endWithError(turn: Turn): Ending {
  const { agent, wish } = turn
  const text = wish.text('api_error')
  turn.replay()
  const message = {
    id: id(),
    type: 'message',
    role: 'assistant',
    model: '<synthetic>',
    stop_reason: 'stop_sequence',
    stop_sequence: '',
  }
  agent.out.assistant({ ...message, content: [{ type: 'text', text }] }, { error: 'unknown', ...agent.out.answered(turn.uuids) })
  const fields = { is_error: true, num_turns: 1, subtype: 'success', api_error_status: 400, result: text }
  return end(turn, { stop_reason: 'stop_sequence', terminal_reason: 'api_error', ...fields }, 'cancelled')
}

/** Shows the result and closes the life of the messages. All of the turn is on disk before. */
function end(turn: Turn, fields: { is_error: boolean } & Record<string, unknown>, state: 'completed' | 'cancelled'): Ending {
  const { agent, uuids, origin, wish } = turn
  const { out } = agent
  agent.transcript.flush()
  const duration_ms = Date.now() - turn.began
  const { model_usage_since_last_result, ...cost } = agent.ledger.close() as Record<string, unknown>
  const about = out.options.legacy || uuids.length === 0 ? {} : { user_message_uuid: uuids.at(-1), user_message_uuids: uuids }
  const modern = out.options.legacy ? {} : { queued_turn_count: 0, result_index: agent.results, model_usage_since_last_result }
  out.emit({
    ...cost,
    permission_denials: [],
    fast_mode_state: 'off',
    ...fields,
    ...(origin && { origin }),
    type: 'result',
    duration_ms,
    ...about,
    ...modern,
  })
  agent.results += 1
  reach('result', wish)
  for (const message of turn.messages) if (message.named) out.lifecycle(message.uuid, state)
  reach('completed', wish)
  return { isError: fields.is_error, quiet: false }
}

function id(): string {
  return randomBytes(12).toString('hex')
}
