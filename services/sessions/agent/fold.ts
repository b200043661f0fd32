/**
 * Folds the lines of an agent's log into the events of one turn.
 *
 * States, for the turn whose message has the uuid U:
 * - before: nothing of ours has been seen. Lines belong to a turn that the CLI began by itself, or to nobody.
 * - assumed: a CLI without `msg_lifecycle_v1` began a turn (`init`) that no ended background tool announced. Since we hand
 *   over one message at a time it must be ours; its words are shown, its result counts only behind the proof.
 * - ours: U was acknowledged as started, or its message was replayed.
 * - ended: the result of our turn was seen. Nothing behind it is ours.
 *
 * Proof of U (design §5): a `command_lifecycle` line with it, or the replayed user line. `init` proves nothing, since
 * the CLI begins turns by itself, too.
 *
 * Invariants upheld here: **C** the same lines give the same events with the same ids, since nothing but the lines is
 * looked at; **D** a result counts once, and only behind the proof of U.
 */
import type { TurnEvent } from '../../../protocol/sessions.ts'
import { FIRST_LINE_PIECE, toEventId } from './event-id.ts'
import type { LogLine } from './log.ts'
import { readQuestion, toApprovalId } from './permission.ts'
import { type FoldResult, REPEATED, resultOf } from './result.ts'
import { asCount, asList, asNumber, asRecord, asText, cutText, type Json, jsonText, parseLine, shorten } from './stream-json.ts'

/**
 * Text of one event at most, in UTF-16 units. Whatever it holds, it fits one line of the Go client's (65,535 bytes) when
 * written as JSON, six bytes a unit at worst: so one event is one line, and its id stands for all of it.
 */
const PIECE_CHARS = 8_192
/** What is shown of a tool's input and output. */
const TOOL_CHARS = 2_000

/** What is remembered of a turn's text, in UTF-16 units: an answer beyond it is complete in the events only. */
export const MAX_TEXT_CHARS = 16_000_000

/** A block being streamed: how long it is by now, and its beginning. */
interface Block {
  readonly type: 'text' | 'thinking'
  head: string
  length: number
}

/** Appends as much as may be remembered. */
const grow = (text: string, more: string): string =>
  text.length >= MAX_TEXT_CHARS ? text : text + more.slice(0, MAX_TEXT_CHARS - text.length)

/** An event without its id, which the place in the log gives it. */
type Saying = TurnEvent extends infer E ? (E extends { id: string } ? Omit<E, 'id'> : never) : never

export class TurnFold {
  readonly #agent: number
  readonly #uuid: string
  readonly #isOwn: boolean
  #state: 'before' | 'assumed' | 'ours' | 'ended' = 'before'
  #isProven = false
  #isStarted = false
  #result: FoldResult | null = null
  /** A background tool has ended, so the next turn may be the CLI's own (told only by CLIs without lifecycle lines). */
  #isToolAnnounced = false
  #hasLifecycle = false
  /** Blocks being streamed that no `assistant` line has confirmed yet. */
  #open: Block[] = []
  #text = ''
  /** Where in the text the answer begins: behind the last tool, as the CLI counts it. */
  #answerFrom = 0
  /** The answer was cut at the output limit. The CLI has the model go on, and its result holds nothing but the last part. */
  #isCut = false
  #model: string | null = null
  /** Of the requests that are complete, and of the one under way. */
  #tokens = 0
  #tokensNow = 0

  /**
   * @param agent the agent's number, first part of every id; @param uuid the message's uuid; @param isOwn whether the turn is
   * one that the CLI began by itself: then there is no uuid to prove, and the first result is its own
   */
  constructor(agent: number, uuid: string, isOwn = false) {
    this.#agent = agent
    this.#uuid = uuid
    this.#isOwn = isOwn
    if (isOwn) this.#state = 'ours'
  }

  /** Whether the CLI has shown that it has our message. */
  get isProven(): boolean {
    return this.#isProven
  }

  /** The result of our turn, once it was seen. */
  get result(): FoldResult | null {
    return this.#result
  }

  /** Tokens that the model has written in this turn so far, as it counts them itself now and then. */
  get outputTokens(): number {
    return this.#tokens + this.#tokensNow
  }

  /** The text of the turn so far, as confirmed or streamed; its first {@link MAX_TEXT_CHARS}. */
  get text(): string {
    return this.#open.filter((block) => block.type === 'text').reduce((text, block) => grow(text, block.head), this.#text)
  }

  /** The events of one line, in order. @param json what `parseLine` made of it */
  push(line: LogLine, json: Json | null = parseLine(line)): TurnEvent[] {
    if (json === null || this.#state === 'ended') return []
    const sayings = this.#fold(json, line.offset)
    return sayings.map(
      (saying, index) => ({ id: toEventId(this.#agent, line.offset, FIRST_LINE_PIECE + index), ...saying }) as TurnEvent,
    )
  }

  #fold(json: Json, offset: number): Saying[] {
    switch (json.type) {
      case 'command_lifecycle':
        return this.#onLifecycle(json)
      case 'system':
        return this.#onSystem(json)
      case 'user':
        return this.#onUser(json)
      case 'control_request':
        return this.#onControlRequest(json, offset)
      case 'result':
        return this.#onResult(json)
    }
    if (!this.isOurs || asText(json.parent_tool_use_id) !== null) return []
    if (json.type === 'stream_event') return this.#onStreamEvent(asRecord(json.event))
    if (json.type === 'assistant') return this.#onAssistant(json)
    return []
  }

  /** Whether lines at this moment belong to our turn. */
  get isOurs(): boolean {
    return this.#state === 'assumed' || this.#state === 'ours'
  }

  #prove(): void {
    this.#isProven = true
  }

  #onLifecycle(json: Json): Saying[] {
    this.#hasLifecycle = true
    if (json.command_uuid !== this.#uuid) return []
    this.#prove()
    if (json.state === 'started') {
      this.#state = 'ours'
      this.#isStarted = true
    } else if (json.state === 'completed' && !this.#isStarted) {
      // Never started, yet done: the CLI knew the uuid, has replayed the message, and will print no result.
      this.#state = 'ended'
      this.#result = REPEATED
    }
    return []
  }

  #onSystem(json: Json): Saying[] {
    switch (json.subtype) {
      case 'init': {
        this.#model = asText(json.model) ?? this.#model
        const knowsLifecycle = this.#hasLifecycle || asList(json.capabilities).includes('msg_lifecycle_v1')
        if (this.#state === 'before' && !knowsLifecycle && !this.#isToolAnnounced) this.#state = 'assumed'
        return []
      }
      case 'task_notification':
        if (this.#state === 'before') this.#isToolAnnounced = true
        return []
      case 'api_retry':
        if (!this.isOurs) return []
        return [
          {
            type: 'retrying',
            attempt: asNumber(json.attempt) ?? 0,
            max_attempts: asNumber(json.max_retries) ?? 0,
            delay_ms: asNumber(json.retry_delay_ms) ?? 0,
            reason: asText(json.error) ?? 'unknown',
          },
        ]
      case 'model_fallback':
        return this.isOurs ? [{ type: 'notice', content: asText(json.content) ?? 'Another model answers.' }] : []
      case 'compact_boundary':
        return this.isOurs ? [{ type: 'notice', content: 'The conversation was compacted.' }] : []
    }
    return []
  }

  #onUser(json: Json): Saying[] {
    if (json.isReplay === true) {
      if (json.uuid === this.#uuid) {
        this.#prove()
        this.#state = 'ours'
      }
      return []
    }
    if (!this.isOurs || asText(json.parent_tool_use_id) !== null) return []
    return asList(asRecord(json.message).content).flatMap((item): Saying[] => {
      const block = asRecord(item)
      if (block.type !== 'tool_result') return []
      this.#answerFrom = this.text.length
      this.#isCut = false
      const parts = asList(block.content).map((part) => asText(asRecord(part).text) ?? '')
      const content = asText(block.content) ?? parts.join('\n')
      return [
        {
          type: 'tool_result',
          tool_use_id: asText(block.tool_use_id) ?? '',
          is_error: block.is_error === true,
          content: shorten(content, TOOL_CHARS),
        },
      ]
    })
  }

  #onControlRequest(json: Json, offset: number): Saying[] {
    const asked = readQuestion(json)
    if (!this.isOurs || asked === null) return []
    const { tool_use_id, tool_name, title, input } = asked
    const approval_id = toApprovalId(this.#agent, offset)
    return [{ type: 'approval', approval_id, tool_use_id, tool_name, title, input: shorten(jsonText(input), TOOL_CHARS) }]
  }

  #onStreamEvent(event: Json): Saying[] {
    switch (event.type) {
      case 'message_start':
        // Blocks left open belong to a request that broke; a repeat will say them anew.
        this.#tokens += this.#tokensNow
        this.#tokensNow = 0
        return []
      case 'message_delta':
        this.#tokensNow = asCount(asRecord(event.usage).output_tokens) ?? this.#tokensNow
        if (asRecord(event.delta).stop_reason === 'max_tokens') this.#isCut = true
        return []
      case 'content_block_start': {
        const type = asText(asRecord(event.content_block).type)
        if (type === 'text' || type === 'thinking') this.#open.push({ type, head: '', length: 0 })
        return []
      }
      case 'content_block_delta': {
        const delta = asRecord(event.delta)
        if (delta.type === 'text_delta') return this.#onDelta('text', asText(delta.text) ?? '')
        if (delta.type === 'thinking_delta') return this.#onDelta('thinking', asText(delta.thinking) ?? '')
      }
    }
    return []
  }

  #onDelta(type: Block['type'], content: string): Saying[] {
    const block = this.#open.at(-1)
    if (content === '' || block?.type !== type) return []
    block.head = grow(block.head, content)
    block.length += content.length
    return cutText(content, PIECE_CHARS).map((piece) => ({ type, content: piece }))
  }

  /** A whole block: it confirms what was streamed, completes it, or supersedes it. */
  #onAssistant(json: Json): Saying[] {
    // An API error is told by the result; as text it would be shown twice.
    if (asText(json.error) !== null) return []
    const message = asRecord(json.message)
    const model = asText(message.model)
    // The CLI's own words (answers of local commands) come from the model "<synthetic>".
    if (model !== null && !model.startsWith('<')) this.#model = model
    return asList(message.content).flatMap((item): Saying[] => {
      const block = asRecord(item)
      if (block.type === 'tool_use') {
        const input = shorten(jsonText(block.input ?? {}), TOOL_CHARS)
        return [{ type: 'tool_use', tool_use_id: asText(block.id) ?? '', name: asText(block.name) ?? '', input }]
      }
      if (block.type === 'text') return this.#confirm('text', asText(block.text) ?? '')
      if (block.type === 'thinking') return this.#confirm('thinking', asText(block.thinking) ?? '')
      return []
    })
  }

  #confirm(type: Block['type'], content: string): Saying[] {
    const open = this.#open.filter((block) => block.type === type)
    const head = open.reduce((text, block) => grow(text, block.head), '')
    const length = open.reduce((sum, block) => sum + block.length, 0)
    this.#open = this.#open.filter((block) => block.type !== type)
    if (type === 'text') this.#text = grow(this.#text, content)
    if (content.startsWith(head) && content.length >= length) {
      return cutText(content.slice(length), PIECE_CHARS).map((piece) => ({ type, content: piece }))
    }
    // Superseded thinking is not worth a correction; superseded text is.
    if (type === 'thinking') return []
    const [first = '', ...rest] = cutText(this.#text, PIECE_CHARS)
    return [{ type: 'replaced', content: first }, ...rest.map((piece): Saying => ({ type: 'text', content: piece }))]
  }

  #onResult(json: Json): Saying[] {
    const isOurs = this.#isOwn || (this.isOurs && this.#isProven && json.origin === undefined)
    if (!isOurs) {
      // The end of a turn that the CLI began by itself.
      this.#isToolAnnounced = false
      if (this.#state === 'assumed') this.#state = 'before'
      return []
    }
    this.#state = 'ended'
    const result = resultOf(json, this.text, this.#model)
    const isPart = this.#isCut && result.kind === 'answered'
    this.#result = isPart ? { ...result, text: this.text.slice(this.#answerFrom) } : result
    return []
  }
}
