import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BodyReader } from '../../bench/body.ts'

const HEAD = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'

/** What was heard after each of the parts. */
const hear = (parts: readonly string[]): { lines: string[][]; reader: BodyReader } => {
  const lines: string[] = []
  const reader = new BodyReader((line) => lines.push(line))
  const after = parts.map((part) => {
    reader.push(Buffer.from(part, 'latin1'))
    return [...lines]
  })
  return { lines: after, reader }
}

test('body - tells the lines of a chunk when they are there, though the line end behind it comes with the next chunk', () => {
  const { lines, reader } = hear([HEAD, '6\r\ndata1\n', '\r\n6\r\ndata2\n', '\r\n0\r\n\r\n'])
  assert.deepEqual(lines, [[], ['data1'], ['data1', 'data2'], ['data1', 'data2']])
  assert.ok(reader.isEnded)
  assert.equal(reader.status, 200)
})

test('body - tells the same however the bytes are cut', () => {
  const whole = `${HEAD}9\r\none\n\ntwo\n\r\n3\r\nthr\r\n3\r\nee\n\r\n0\r\n\r\n`
  for (let size = 1; size <= whole.length; size += 1) {
    const parts = whole.match(new RegExp(`[\\s\\S]{1,${size}}`, 'g')) ?? []
    const { lines, reader } = hear(parts)
    assert.deepEqual(lines.at(-1), ['one', 'two', 'three'], `cut into parts of ${size}`)
    assert.ok(reader.isEnded)
  }
})

test('body - an answer that is no stream is an error that shows it', () => {
  assert.throws(() => hear(['HTTP/1.1 422 No\r\nContent-Length: 15\r\n\r\n{"detail":"no"}']), /422 No.*detail/)
})
