/** What an agent might write: real kinds of lines with anything in each of their fields, and lines that are none. */
import fc from '../property.ts'

export const UUID = '11111111-2222-4333-8444-555555555555'

/** Read without trouble, and too deep to be written down again. */
const DEPTH = 20_000
const DEEP = `${'['.repeat(DEPTH)}1${']'.repeat(DEPTH)}`
/** Longer than any event may be. */
const LONG = JSON.stringify('文'.repeat(9_000))

/** A value as JSON text: some depths and keys cannot be made as objects first. */
const value: fc.Arbitrary<string> = fc.oneof(
  { weight: 8, arbitrary: fc.json({ maxDepth: 1 }) },
  { weight: 8, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }).map((text) => JSON.stringify(text)) },
  {
    weight: 8,
    arbitrary: fc.constantFrom(
      ...[
        'null',
        '-0',
        '1e999',
        '1e300',
        '-1',
        '1.5',
        '""',
        '[]',
        '{}',
        '"\\ud800"',
        '{"__proto__":{"type":"result"}}',
        '{"constructor":1}',
      ],
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom(DEEP, LONG) },
)

const UUIDS = [`"${UUID}"`, '"another"']

const SUBTYPES = ['init', 'task_started', 'task_updated', 'task_notification', 'api_retry', 'model_fallback', 'compact_boundary']
const EVENTS = ['message_start', 'message_delta', 'content_block_start', 'content_block_delta', 'content_block_delta']
const DELTAS = ['text_delta', 'thinking_delta']

const quoted = (texts: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...texts).map((text) => JSON.stringify(text))

/** Without them a line says nothing. */
const TELLING = new Set(['type', 'message', 'event', 'content', 'delta', 'content_block', 'text', 'request'])

/** An object of these fields, most of which may be left out. */
const fields = (shape: Readonly<Record<string, fc.Arbitrary<string>>>): fc.Arbitrary<string> =>
  fc.record(shape, { requiredKeys: Object.keys(shape).filter((name) => TELLING.has(name)) }).map((all) => {
    const parts = Object.entries(all).map(([name, text]) => `${JSON.stringify(name)}:${text}`)
    return `{${parts.join(',')}}`
  })

/** Mostly what belongs there. */
const mostly = (right: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.oneof({ weight: 12, arbitrary: right }, { weight: 1, arbitrary: value })

const text = fc.oneof({ weight: 3, arbitrary: quoted(['a', ' b', 'a b']) }, { weight: 1, arbitrary: value })
const list = (item: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.array(item, { maxLength: 3 }).map((items) => `[${items.join(',')}]`)
const uuid = mostly(fc.constantFrom(...UUIDS))
const own = mostly(fc.constant('null'))
const usage = mostly(fields({ input_tokens: value, output_tokens: value }))

const block = fc.oneof(
  fields({ type: mostly(quoted(['text'])), text }),
  fields({ type: mostly(quoted(['thinking'])), thinking: text }),
  fields({ type: mostly(quoted(['tool_use'])), id: value, name: value, input: value }),
  fields({ type: mostly(quoted(['tool_result'])), tool_use_id: value, content: value, is_error: value }),
)
const event = fields({
  type: mostly(quoted(EVENTS)),
  content_block: mostly(fields({ type: quoted(['text', 'thinking', 'tool_use']) })),
  delta: mostly(fields({ type: quoted(DELTAS), text, thinking: text })),
  usage,
})
const message = mostly(fields({ model: value, content: mostly(list(block)) }))

/** A line of each kind that is read. */
const known = fc.oneof(
  fields({ type: quoted(['command_lifecycle']), command_uuid: uuid, state: mostly(quoted(['queued', 'started', 'completed'])) }),
  fields({
    type: quoted(['system']),
    subtype: mostly(quoted(SUBTYPES)),
    task_id: value,
    model: value,
    capabilities: value,
    patch: value,
  }),
  fields({ type: quoted(['user']), uuid, isReplay: mostly(fc.constant('true')), message, parent_tool_use_id: own }),
  { weight: 3, arbitrary: fields({ type: quoted(['assistant']), message, parent_tool_use_id: own }) },
  { weight: 3, arbitrary: fields({ type: quoted(['stream_event']), event: mostly(event), parent_tool_use_id: own }) },
  fields({
    type: quoted(['control_request', 'control_cancel_request', 'control_response']),
    request_id: value,
    request: mostly(fields({ type: value, subtype: mostly(quoted(['can_use_tool'])), tool_name: value, input: value })),
  }),
  fields({
    type: quoted(['result']),
    ...{ subtype: mostly(quoted(['success'])), result: value, errors: mostly(list(value)), is_error: value, usage },
    ...{ total_cost_usd: value, model_usage_since_last_result: value, origin: value, terminal_reason: value },
  }),
  fields({ type: value, message }),
)

/** What makes the lines behind it ours. */
export const STARTED = `{"type":"command_lifecycle","command_uuid":"${UUID}","state":"started"}`

/** Any line without its end. */
export const line: fc.Arbitrary<string> = fc.oneof(
  { weight: 12, arbitrary: known },
  value,
  fc.string({ unit: 'binary', maxLength: 80 }).map((text) => text.replaceAll('\n', ' ')),
  fc.constantFrom('', '{', '{"type":"result"', '\u0000', STARTED),
)
