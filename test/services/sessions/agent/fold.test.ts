import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TurnEvent } from '../../../../protocol/sessions.ts'
import { TurnFold } from '../../../../services/sessions/agent/fold.ts'
import { LineCutter } from '../../../../services/sessions/agent/log.ts'
import { cutText } from '../../../../services/sessions/agent/stream-json.ts'
import fc from '../../../property.ts'

const U = '11111111-2222-4333-8444-555555555555'

const lifecycle = (state: string, uuid = U) => ({ type: 'command_lifecycle', command_uuid: uuid, state })
const init = (capable: boolean) => ({
  type: 'system',
  subtype: 'init',
  model: 'm',
  capabilities: capable ? ['msg_lifecycle_v1'] : [],
})
const replay = (uuid = U) => ({
  type: 'user',
  message: { role: 'user', content: 'x' },
  uuid,
  isReplay: true,
  parent_tool_use_id: null,
})
const start = {
  type: 'stream_event',
  event: { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  parent_tool_use_id: null,
}
const delta = (text: string) => ({
  type: 'stream_event',
  event: { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } },
  parent_tool_use_id: null,
})
const whole = (text: string, extra: object = {}) => ({
  type: 'assistant',
  message: { model: 'm', content: [{ type: 'text', text }] },
  parent_tool_use_id: null,
  ...extra,
})
const result = (extra: object = {}) => ({
  type: 'result',
  subtype: 'success',
  is_error: false,
  result: 'a b',
  usage: { input_tokens: 3, output_tokens: 2 },
  total_cost_usd: 0.5,
  ...extra,
})

const fold = (lines: readonly object[], uuid = U): { fold: TurnFold; events: TurnEvent[] } => {
  const cutter = new LineCutter(0)
  const turn = new TurnFold(7, uuid)
  const events = [...cutter.push(Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join('')))].flatMap((line) =>
    turn.push(line),
  )
  return { fold: turn, events }
}

const shown = (events: readonly TurnEvent[]): string =>
  events.reduce(
    (text, event) => (event.type === 'text' ? text + event.content : event.type === 'replaced' ? event.content : text),
    '',
  )

test('fold - deltas are shown as they come and confirmed without a repeat', () => {
  const { fold: turn, events } = fold([
    lifecycle('queued'),
    lifecycle('started'),
    init(true),
    replay(),
    start,
    delta('a'),
    delta(' b'),
    whole('a b'),
    result(),
    lifecycle('completed'),
  ])
  assert.deepEqual(
    events.map((event) => event.type === 'text' && event.content),
    ['a', ' b'],
  )
  assert.equal(turn.result?.kind, 'answered')
  assert.equal(turn.result?.output_tokens, 2)
  assert.equal(turn.result?.model, 'm')
  assert.match(events[0]?.id ?? '', /^7\.\d+\.100$/)
})

test('fold - a block that was only partly streamed is completed', () => {
  const { events } = fold([lifecycle('started'), start, delta('a'), whole('a b'), result()])
  assert.equal(shown(events), 'a b')
})

test('fold - streamed words that the CLI said anew are replaced', () => {
  const { events, fold: turn } = fold([
    lifecycle('started'),
    start,
    delta('first '),
    whole('first '),
    start,
    delta('wro'),
    whole('right'),
    result({ result: 'right' }),
  ])
  assert.equal(shown(events), 'first right')
  assert.equal(
    events.some((event) => event.type === 'replaced'),
    true,
  )
  assert.equal(turn.text, 'first right')
})

test('fold - a result without proof of our uuid is not ours', () => {
  const { fold: turn, events } = fold([
    init(true),
    start,
    delta('own'),
    whole('own'),
    result({ origin: { kind: 'task-notification' } }),
  ])
  assert.equal(turn.result, null)
  assert.equal(turn.isProven, false)
  assert.deepEqual(events, [])
})

test('fold - a turn of the CLI itself before ours is left out', () => {
  const own = [
    { type: 'system', subtype: 'task_notification', task_id: 't' },
    init(true),
    start,
    delta('own'),
    whole('own'),
    result({ origin: { kind: 'x' } }),
  ]
  const { fold: turn, events } = fold([
    ...own.slice(0, 3),
    lifecycle('queued'),
    ...own.slice(3),
    lifecycle('started'),
    init(true),
    replay(),
    start,
    delta('ours'),
    whole('ours'),
    result({ result: 'ours' }),
  ])
  assert.equal(shown(events), 'ours')
  assert.equal(turn.result?.text, 'ours')
})

test('fold - a CLI without lifecycle lines is believed when it replays the message', () => {
  const { fold: turn, events } = fold([init(false), start, delta('a'), replay(), whole('a b'), result()])
  assert.equal(shown(events), 'a b')
  assert.equal(turn.result?.kind, 'answered')
  assert.equal(fold([init(false), start, delta('a'), whole('a b'), result()]).fold.result, null, 'but not without')
})

test('fold - without lifecycle lines, a turn that an ended tool announced is not ours', () => {
  const { fold: turn, events } = fold([
    { type: 'system', subtype: 'task_notification', task_id: 't' },
    init(false),
    start,
    delta('own'),
    whole('own'),
    result({ origin: { kind: 'x' } }),
    init(false),
    start,
    delta('ours'),
    replay(),
    whole('ours'),
    result({ result: 'ours' }),
  ])
  assert.equal(shown(events), 'ours')
  assert.equal(turn.result?.text, 'ours')
})

test('fold - a subagent is not shown, a tool is, compactly', () => {
  const { events } = fold([
    lifecycle('started'),
    {
      type: 'assistant',
      message: { model: 'm', content: [{ type: 'tool_use', id: 't1', name: 'Bash', input: { command: 'x'.repeat(5_000) } }] },
      parent_tool_use_id: null,
    },
    { ...whole('from below'), parent_tool_use_id: 't1' },
    {
      type: 'user',
      message: {
        role: 'user',
        content: [{ type: 'tool_result', tool_use_id: 't1', content: [{ type: 'text', text: 'done' }], is_error: false }],
      },
      parent_tool_use_id: null,
    },
    whole('a b'),
    result(),
  ])
  assert.deepEqual(
    events.map((event) => event.type),
    ['tool_use', 'tool_result', 'text'],
  )
  assert.equal(events[0]?.type === 'tool_use' && events[0].input.length <= 2_001, true)
})

test('fold - an answer that the output limit has cut is all of its parts, from the last tool on', () => {
  const cut = {
    type: 'stream_event',
    event: { type: 'message_delta', delta: { stop_reason: 'max_tokens' }, usage: { output_tokens: 4 } },
    parent_tool_use_id: null,
  }
  const tool = {
    type: 'user',
    message: { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't1', content: 'done' }] },
    parent_tool_use_id: null,
  }
  const partsOf = (lines: readonly object[]) => fold([lifecycle('started'), ...lines]).fold.result?.text
  assert.equal(partsOf([whole('one '), cut, whole('two '), cut, whole('three'), result({ result: 'three' })]), 'one two three')
  assert.equal(partsOf([whole('I look. '), tool, whole('one '), cut, whole('two'), result({ result: 'two' })]), 'one two')
  assert.equal(partsOf([whole('one '), cut, whole('I look. '), tool, whole('two'), result({ result: 'two' })]), 'two')
  assert.equal(partsOf([whole('one '), { ...cut, parent_tool_use_id: 't1' }, whole('two'), result({ result: 'two' })]), 'two')
})

test('fold - how a turn ended is read from the result, not from its subtype', () => {
  const kinds = [
    [result(), 'answered'],
    [result({ is_error: true, result: 'API Error: 400' }), 'failed'],
    [{ type: 'result', subtype: 'error_max_turns', is_error: true, errors: ['too many'] }, 'failed'],
    [
      { type: 'result', subtype: 'error_during_execution', is_error: true, terminal_reason: 'aborted_streaming', errors: [] },
      'interrupted',
    ],
  ] as const
  for (const [line, kind] of kinds) assert.equal(fold([lifecycle('started'), line]).fold.result?.kind, kind)
  assert.equal(fold([replay()]).fold.result, null, 'a replay alone is no end')
  assert.equal(
    fold([replay(), lifecycle('completed')]).fold.result?.kind,
    'repeated',
    'done without ever having started: run before',
  )
})

test('fold - an API error is not shown as text', () => {
  const { events, fold: turn } = fold([
    lifecycle('started'),
    { ...whole('Credit balance is too low'), error: 'billing_error' },
    result({ is_error: true, result: 'Credit balance is too low' }),
  ])
  assert.deepEqual(events, [])
  assert.equal(turn.result?.text, 'Credit balance is too low')
})

test('fold - lines of any shape do no harm', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.json(),
          fc.string(),
          fc.constant('{"type":"assistant","message":{"content":7}}'),
          fc.constant('{"type":"stream_event"}'),
          fc.constant(`{"type":"command_lifecycle","command_uuid":"${U}","state":"started"}`),
        ),
      ),
      (lines) => {
        const turn = new TurnFold(1, U)
        const bytes = Buffer.from(lines.map((line) => `${line.replaceAll('\n', ' ')}\n`).join(''))
        for (const line of new LineCutter(0).push(bytes)) turn.push(line)
      },
    ),
  )
})

test('log - bytes cut anywhere give the same lines at the same offsets', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\n', ''))),
      fc.array(fc.nat(50)),
      fc.nat(1_000),
      (lines, cuts, base) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
        const at = new LineCutter(base)
        const expected = [...at.push(bytes)]
        const pieces = new LineCutter(base)
        const found = []
        let from = 0
        for (const cut of cuts) {
          found.push(...pieces.push(bytes.subarray(from, from + cut)))
          from += cut
        }
        found.push(...pieces.push(bytes.subarray(Math.min(from, bytes.length))))
        assert.deepEqual(found, expected)
        assert.deepEqual(
          found.map((line) => line.text),
          lines,
        )
        assert.equal(pieces.position, base + bytes.length)
      },
    ),
  )
})

test('fold - text is cut without losing or splitting a character', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 2, max: 9 }), (text, size) => {
      const pieces = cutText(text, size)
      assert.equal(pieces.join(''), text)
      for (const piece of pieces) assert.equal(piece.length <= size && piece.isWellFormed(), true)
    }),
  )
})
