/**
 * A turn as Server-Sent Events, as the predecessor's clients read them. The Go client reads lines of at most 65,535 bytes,
 * takes those that begin with `data: `, appends `text`, puts `done` in the place of all of it and closes; a body that
 * ends cleanly without `done` makes what was appended the answer; whatever is broken or an `error` makes it send the message
 * again.
 *
 * So the answer is complete on one of three ways:
 * - it fits one line: `done` holds it;
 * - it does not fit: what of it was not streamed yet follows as `text`, and the body ends without `done`;
 * - it does not fit, and what was streamed is not how the answer begins (it was superseded, or the end is not an answer):
 *   `done` holds the beginning and says where all of it is.
 *
 * In front of the data of an event stands `id:` with its id, which the Go client passes over; whoever comes back with it as
 * `Last-Event-ID` gets what lies behind. Sessions makes events so small that each is one data line.
 */
import type { TurnEvent } from '../../protocol/sessions.ts'

/** The longest line the Go client reads, without the newline. */
const LINE_MAX_BYTES = 65_535

/** Of an answer that neither fits nor can be appended. */
const EXCERPT_MAX_BYTES = 60_000

/** More of the streamed text is not remembered; only its end is ever compared. In UTF-16 units. */
const REMEMBERED_MAX = 16_000_000

type DataType = 'text' | 'thinking' | 'done' | 'error'

/** How many bytes a code point takes inside a JSON string. */
const jsonBytes = (point: number): number => {
  if (point === 0x22 || point === 0x5c) return 2
  if (point < 0x20) return point >= 0x08 && point <= 0x0d && point !== 0x0b ? 2 : 6
  if (point < 0x80) return 1
  if (point < 0x800) return 2
  if (point > 0xffff) return 4
  return point >= 0xd800 && point <= 0xdfff ? 6 : 3
}

/** The end of the longest piece from `start` whose JSON takes at most `bytes`; never between the halves of a surrogate pair. */
const endOfPiece = (text: string, start: number, bytes: number): number => {
  let taken = 0
  for (let index = start; index < text.length; ) {
    const point = text.codePointAt(index) ?? 0
    taken += jsonBytes(point)
    if (taken > bytes) return index
    index += point > 0xffff ? 2 : 1
  }
  return text.length
}

const line = (type: DataType, content: string): string => `data: ${JSON.stringify({ type, content })}\n\n`

const overhead = (type: DataType): number => line(type, '').length - 2

const fits = (type: DataType, content: string): boolean =>
  endOfPiece(content, 0, LINE_MAX_BYTES - overhead(type)) === content.length

/** As many data lines as the content needs; none for an empty one. */
const lines = (type: DataType, content: string): string => {
  let out = ''
  for (let start = 0; start < content.length; ) {
    const end = endOfPiece(content, start, LINE_MAX_BYTES - overhead(type))
    out += line(type, content.slice(start, end))
    start = end
  }
  return out
}

/**
 * How much of `answer`, from its beginning, stands in `streamed`: all of it, wherever it stands, or what `streamed` ends
 * with. Knuth, Morris and Pratt: the engine's own search takes hours for texts that repeat themselves.
 */
const overlap = (streamed: string, answer: string): number => {
  const fallback = new Uint32Array(answer.length + 1)
  const advance = (matched: number, unit: number): number => {
    let length = matched
    while (length > 0 && answer.charCodeAt(length) !== unit) length = fallback[length] ?? 0
    return answer.charCodeAt(length) === unit ? length + 1 : length
  }
  for (let index = 1, length = 0; index < answer.length; index += 1) {
    length = advance(length, answer.charCodeAt(index))
    fallback[index + 1] = length
  }
  let matched = 0
  for (let index = 0; index < streamed.length && matched < answer.length; index += 1)
    matched = advance(matched, streamed.charCodeAt(index))
  return matched
}

/** What of the answer is still to be appended so that it stands, whole, in what was appended. White space around it is nobody's loss. */
const missing = (streamed: string, answer: string): string => {
  const core = answer.trim()
  const there = overlap(streamed, core)
  if (there === 0) return answer
  return there === core.length ? '' : answer.trimStart().slice(there)
}

/** A comment: nobody takes it for content, and it shows both sides that the other one is there. */
export const comment = (text: string): string => `: ${text}\n\n`

/** Which turn a stream tells of; always its first event. */
export const turnLine = (turn_id: string): string => `data: ${JSON.stringify({ type: 'turn', turn_id })}\n\n`

/** Asks the client to send the message again by `/send`; only for a turn that cannot be followed any more. */
export const failure = (text: string): string => line('error', text.slice(0, 1_000))

export interface Rendered {
  /** To be written; may be empty. */
  readonly text: string
  /** The body ends behind it. */
  readonly ended: boolean
}

/** Renders the events of one turn for one client, in order. */
export const createRenderer = (turn_id: string): ((events: readonly TurnEvent[]) => Rendered) => {
  let streamed = ''
  let superseded = false

  const remember = (text: string): void => {
    streamed += text
    if (streamed.length > REMEMBERED_MAX) streamed = streamed.slice(-REMEMBERED_MAX / 2)
  }

  const end = (event: Extract<TurnEvent, { type: 'end' }>): string => {
    if (fits('done', event.content)) return line('done', event.content)
    if (event.state === 'answered' && !superseded) return lines('text', missing(streamed, event.content))
    const excerpt = event.content.slice(0, endOfPiece(event.content, 0, EXCERPT_MAX_BYTES))
    return line(
      'done',
      `${excerpt}\n\n[The answer is longer than this: all of it is in the chat history and at GET /api/gateway/turns/${turn_id}]`,
    )
  }

  const one = (event: TurnEvent): string => {
    switch (event.type) {
      case 'text':
        remember(event.content)
        return lines('text', event.content)
      case 'replaced':
        superseded = true
        remember(event.content)
        return lines('text', event.content)
      case 'thinking':
        return lines('thinking', event.content)
      case 'queued':
        return comment('waiting')
      case 'end':
        return end(event)
      default:
        return ''
    }
  }

  return (events) => {
    let text = ''
    for (const event of events) {
      const data = one(event)
      text += data.startsWith('data:') ? `id: ${event.id}\n${data}` : data
    }
    return { text, ended: isEnd(events) }
  }
}

const isEnd = (events: readonly TurnEvent[]): boolean => events.at(-1)?.type === 'end'

/** What was last made of a batch: it is given to all who follow its turn one after the other (`live/followings.ts` says why no map). */
let last: { readonly events: readonly TurnEvent[]; readonly rendered: Rendered } | undefined

/** Renders every event with all that it says; the end is `done`, with the whole reply and how it came about. */
export const renderAll = (events: readonly TurnEvent[]): Rendered => {
  if (last?.events === events) return last.rendered
  let text = ''
  for (const { id, ...event } of events) {
    const said = event.type === 'end' ? { ...event, type: 'done' } : event
    text += `id: ${id}\ndata: ${JSON.stringify(said)}\n\n`
  }
  const rendered = { text, ended: isEnd(events) }
  last = { events, rendered }
  return rendered
}
