import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRenderer } from '../../gateway-edge/http/sse.ts'
import type { TurnEvent } from '../../protocol/sessions.ts'
import fc from '../property.ts'

/** The Go client's line buffer. */
const LINE_MAX_BYTES = 65_535

const ID = '0b6b5dcb-24b5-4d4b-a7b2-111111111111'

type Bare = TurnEvent extends infer E ? (E extends TurnEvent ? Omit<E, 'id'> : never) : never

const render = (...events: Bare[]): string =>
  createRenderer(ID)(events.map((event, index) => ({ ...event, id: `1.${index}.0` }) as TurnEvent)).text

const end = (content: string): Bare => ({ type: 'end', state: 'answered', content, reason: null })

/** What the Go client makes of it. */
const read = (body: string): { appended: string; done: string | undefined; longest: number } => {
  let appended = ''
  let done: string | undefined
  let longest = 0
  for (const line of body.split('\n')) {
    longest = Math.max(longest, Buffer.byteLength(line))
    if (!line.startsWith('data: ')) continue
    const { type, content } = JSON.parse(line.slice(6)) as { type: string; content: string }
    if (type === 'text') appended += content
    if (type === 'done') done = content
  }
  return { appended, done, longest }
}

/** Texts in which all widths of JSON meet: escapes, control characters, two to four bytes, half pairs. */
const wide = fc
  .array(fc.constantFrom('a', '"', '\\', '\n', '\u0001', '\u007f', 'é', '你', '😀', '\uD800', '\uDFFF', '\u2028'), {
    minLength: 1,
    maxLength: 9,
  })
  .chain((pattern) =>
    fc.integer({ min: 1, max: 40_000 }).map((times) => pattern.join('').repeat(Math.ceil(times / pattern.length))),
  )

test('sse - text of any length and kind is cut into lines that the Go client can read, and is whole again', () => {
  fc.assert(
    fc.property(wide, (content) => {
      const { appended, longest } = read(render({ type: 'text', content }))
      assert.ok(longest <= LINE_MAX_BYTES, `${longest}`)
      assert.ok(appended === content)
    }),
    { numRuns: 200 },
  )
})

test('sse - no line is cut between the halves of a surrogate pair', () => {
  for (let shift = 0; shift < 4; shift += 1) {
    const body = render({ type: 'text', content: 'a'.repeat(shift) + '😀'.repeat(40_000) })
    assert.ok(!/\\ud[89a-f]/i.test(body))
  }
})

test('sse - lines are as long as they may be, and not one byte longer', () => {
  const room = LINE_MAX_BYTES - 'data: {"type":"done","content":""}'.length
  const fitting = read(render(end('x'.repeat(room))))
  assert.deepEqual([fitting.longest, fitting.done?.length], [LINE_MAX_BYTES, room])
  const larger = read(render(end('x'.repeat(room + 1))))
  assert.deepEqual([larger.done, larger.appended.length], [undefined, room + 1])
})

test('sse - whatever was streamed of a large answer, all of it stands at the end of what was appended, once', () => {
  // Without white space at its end, which may be left out.
  const answer = Array.from({ length: 20_000 }, (_, index) => index).join(' ')
  fc.assert(
    fc.property(fc.nat(answer.length), fc.nat(answer.length), fc.string({ maxLength: 20 }), (from, to, narration) => {
      const streamed = narration + answer.slice(from, to)
      const { appended, done } = read(render({ type: 'text', content: streamed }, end(answer)))
      assert.equal(done, undefined)
      assert.ok(appended.endsWith(answer))
      // Where nothing of the answer was streamed, words that happen to be its beginning may count as that.
      if (from === 0 && to > 0) assert.equal(appended.length, narration.length + answer.length)
    }),
    { numRuns: 100 },
  )
})

test('sse - a large answer that was streamed between other words is not repeated', () => {
  const answer = 'word '.repeat(20_000)
  const { appended, done } = read(render({ type: 'text', content: `Before. ${answer}After.` }, end(answer)))
  assert.deepEqual([done, appended], [undefined, `Before. ${answer}After.`])
})

test('sse - comparing megabytes that all but match stays fast', () => {
  const began = performance.now()
  const half = 'a'.repeat(4_000_000)
  for (const [streamed, answer] of [
    [half, `${half}b`],
    [half + half, `b${half}`],
  ] as const) {
    assert.ok(read(render({ type: 'text', content: streamed }, end(answer))).appended.endsWith(answer))
  }
  assert.ok(performance.now() - began < 10_000)
})

test('sse - empty text is not sent, an empty answer is', () => {
  assert.equal(render({ type: 'text', content: '' }, { type: 'thinking', content: '' }, { type: 'running' }), '')
  assert.match(render(end('')), /^id: [\d.]+\ndata: {"type":"done","content":""}\n\n$/)
})
