import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServiceError } from '../../../protocol/errors.ts'
import { decodeFrame, encodeFrame, type Frame, MAX_FRAME_BYTES, machineNow, pack, unpack } from '../../../protocol/wire/frames.ts'
import fc from '../../property.ts'

const PONG = { instance: 'i', pid: 7, uptime_ms: 1.5, loop_lag_ms: 0, calls: 2, failures: 1, in_flight: 0 }

const EACH: readonly Frame[] = [
  ['hello', 'an-instance', 3],
  ['call', 7, 'history.record', { records: [] }, 12_345.678, 'call-id', 3],
  ['cancel', 7],
  ['reply', 7, [{ deep: { list: [1, 2.5, null, true, 'x'] } }]],
  ['fail', 7, 'not_found', 'There is no such thing', { id: 'x' }],
  ['ping', 8],
  ['pong', 8, PONG],
  ['pong', 8, null],
]

test('frames - each kind survives the way there', () => {
  for (const frame of EACH) assert.deepEqual(decodeFrame(encodeFrame(frame)), frame)
})

test('frames - a frame can be read without the frames before it', () => {
  const value = { a_long_name: 1, another_long_name: 2 }
  const first = encodeFrame(['reply', 1, [value, value, value]])
  const second = encodeFrame(['reply', 2, [value, value, value]])
  assert.equal(first.length, second.length)
  assert.deepEqual(decodeFrame(second), ['reply', 2, [value, value, value]])
})

test('frames - any JSON value and any text arrive as they were', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string({ unit: 'grapheme', maxLength: 200 }), (value, text) => {
      const sent = JSON.parse(JSON.stringify({ value, text }))
      if (JSON.stringify(sent).includes('"__proto__"')) return
      assert.deepEqual(JSON.parse(JSON.stringify(unpack(pack(sent)))), sent)
    }),
    { numRuns: 500 },
  )
})

test('frames - whole numbers of 64 bits are numbers where exact and bigints where not', () => {
  assert.deepEqual(unpack(pack([Number.MAX_SAFE_INTEGER, 2n ** 40n, 2n ** 63n - 1n])), [
    Number.MAX_SAFE_INTEGER,
    2 ** 40,
    2n ** 63n - 1n,
  ])
})

test('frames - a key named __proto__ changes no prototype', () => {
  const decoded = unpack(pack(JSON.parse('{"__proto__":{"polluted":true}}'))) as Record<string, unknown>
  assert.equal(decoded.polluted, undefined)
  assert.equal(({} as Record<string, unknown>).polluted, undefined)
})

const MALFORMED: readonly [string, unknown][] = [
  ['no array', { 0: 'ping', 1: 1 }],
  ['an empty array', []],
  ['an unknown kind', ['pang', 1]],
  ['a kind that only Object.prototype has', ['constructor', 1]],
  ['a kind that is no text', [1, 1]],
  ['a call without an epoch', ['call', 1, 'history.record', {}, 1, 'c']],
  ['a call with more than there is', ['call', 1, 'history.record', {}, 1, 'c', 1, 'more']],
  ['a call whose moment is no number', ['call', 1, 'history.record', {}, 'soon', 'c', 1]],
  ['a call whose moment is infinite', ['call', 1, 'history.record', {}, Number.POSITIVE_INFINITY, 'c', 1]],
  ['an id that is a text', ['cancel', '1']],
  ['an id of zero', ['cancel', 0]],
  ['an id with a fraction', ['ping', 1.5]],
  ['a hello without an epoch', ['hello', 'instance']],
  ['a fail without data', ['fail', 1, 'internal', 'text']],
  ['a reply without an output', ['reply', 1]],
  ['a pong that says nothing', ['pong', 1, {}]],
  ['a pong with a number that is none', ['pong', 1, { ...PONG, calls: Number.NaN }]],
]

for (const [what, value] of MALFORMED) {
  test(`frames - malformed: ${what}`, () => {
    assert.equal(decodeFrame(pack(value)), undefined)
  })
}

test('frames - no bytes whatever make decoding throw', () => {
  const bytes = fc.uint8Array({ maxLength: 300 })
  const damaged = fc.tuple(fc.constantFrom(...EACH), fc.nat(), fc.integer({ min: 0, max: 255 })).map(([frame, at, to]) => {
    const copy = Uint8Array.from(encodeFrame(frame))
    copy[at % copy.length] = to
    return copy
  })
  fc.assert(
    fc.property(fc.oneof(bytes, damaged), (input) => {
      decodeFrame(Buffer.from(input))
    }),
    { numRuns: 5_000 },
  )
})

test('frames - arrays nested without end are refused, not a crash', () => {
  assert.equal(decodeFrame(Buffer.alloc(1_000_000, 0x91)), undefined)
})

test('frames - more than the limit is too_large, and what cannot be written down is invalid_input', () => {
  const code = (value: unknown): string | undefined => {
    try {
      pack(value)
      return undefined
    } catch (error) {
      return (error as ServiceError).code
    }
  }
  assert.equal(code('x'.repeat(MAX_FRAME_BYTES - 100)), undefined)
  assert.equal(code('x'.repeat(MAX_FRAME_BYTES + 1)), 'too_large')
  const cycle: { self?: unknown } = {}
  cycle.self = cycle
  assert.equal(code(cycle), 'invalid_input')
})

test('frames - the machine clock is the same in this process and rises', () => {
  const [seconds] = process.hrtime()
  const first = machineNow()
  assert.ok(Math.abs(first / 1_000 - seconds) < 5)
  assert.ok(machineNow() >= first)
})
