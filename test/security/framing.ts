/**
 * Requests whose length can be read in more than one way, each with a whole second request where one reading sees a body and
 * another one sees the next request. And frames of WebSocket that were never made by a client.
 */
import fc from '../property.ts'

/** What the hidden request would begin, if somebody read it as one. */
export const HIDDEN = 'smuggled'
/** What the outer request begins, where it is taken. */
export const OUTER = 'outer'

const bodyOf = (message: string): string => JSON.stringify({ chat_id: '1', message })

const hiddenRequest = (port: number): string =>
  `POST /api/gateway/send HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: ${bodyOf(HIDDEN).length}\r\n\r\n${bodyOf(HIDDEN)}`

/** Sizes of chunks that are none, or that readers differ about. */
const SIZES = [
  '0',
  '-1',
  '0x10',
  '10000000000000000',
  'ffffffffffffffff',
  '+5',
  ' 5',
  '5 ',
  '5;x=y',
  '5\t',
  'g',
  '',
  '00000000000000000000005',
  '5,5',
]

/** Ways to say that a body is chunked, of which all but the first are wrong or stand beside something else. */
const CHUNKED = [
  'Transfer-Encoding: chunked',
  'transfer-encoding: CHUNKED',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding:\tchunked',
  'Transfer-Encoding: \u000bchunked',
  'Transfer-Encoding: chunked\u0000',
  'Transfer-Encoding:\r\n chunked',
  'X: y\nTransfer-Encoding: chunked',
  'X: y\rTransfer-Encoding: chunked',
  ' Transfer-Encoding: chunked',
  'Transfer-Encoding: "chunked"',
]

const lengthsOf = (length: number): string[] => [
  `Content-Length: ${length}`,
  `Content-Length : ${length}`,
  `Content-Length:${length}`,
  `content-length: 0${length}`,
  `Content-Length: +${length}`,
  `Content-Length: ${length}, ${length}`,
  `Content-Length: ${length};x`,
  `Content-Length: 0x${length.toString(16)}`,
  `Content-Length: ${length}\u0000`,
  `Content-Length:\r\n ${length}`,
  `X: y\nContent-Length: ${length}`,
  `Content-Length: -${length}`,
  `Content-Length: 1e${String(length).length}`,
]

/** A whole connection's worth of bytes, and in how many pieces it is sent. */
export const ambiguous = (port: number): fc.Arbitrary<Buffer> =>
  fc
    .record({
      lengths: fc.subarray([...Array(13).keys()], { maxLength: 2 }),
      codings: fc.subarray([...CHUNKED.keys()], { maxLength: 2 }),
      size: fc.option(fc.constantFrom(...SIZES)),
      ends: fc.constantFrom('\r\n', '\n'),
      inJson: fc.boolean(),
    })
    // Without any of them the second request is an honest one.
    .filter(({ lengths, codings }) => lengths.length + codings.length > 0)
    .map(({ lengths, codings, size, ends, inJson }) => {
      const hidden = hiddenRequest(port)
      const whole = inJson ? bodyOf(`${OUTER} ${hidden}`) : `${bodyOf(OUTER)}${hidden}`
      const body = codings.length === 0 ? whole : `${size ?? whole.length.toString(16)}\r\n${whole}\r\n0\r\n\r\n`
      const said = [...lengths.map((at) => lengthsOf(body.length)[at]), ...codings.map((at) => CHUNKED[at])]
      const head = ['POST /api/gateway/send HTTP/1.1', `Host: 127.0.0.1:${port}`, ...said, '', '']
      return Buffer.from(`${head.join(ends)}${body}`, 'latin1')
    })

/** More, longer or stranger headers than anybody has. */
export const flood: fc.Arbitrary<string> = fc
  .record({
    count: fc.constantFrom(0, 1, 150, 3_000),
    name: fc.integer({ min: 1, max: 5_000 }),
    value: fc.integer({ min: 0, max: 5_000 }),
    target: fc.constantFrom(1, 5_000, 100_000),
  })
  .map(({ count, name, value, target }) => {
    const headers = Array.from(
      { length: count },
      (_, at) => `${'n'.repeat(name % (1 + Math.floor(20_000 / (count + 1))))}${at}: ${'v'.repeat(value)}\r\n`,
    )
    return `GET /${'t'.repeat(target)} HTTP/1.1\r\n${headers.join('').slice(0, 400_000)}`
  })

const text = fc.oneof(
  fc.constantFrom(
    '{"jsonrpc":"2.0","id":1,"method":"ping"}',
    '{"__proto__":{"x":1},"constructor":{"prototype":{"x":1}}}',
    '',
    'ping',
  ),
  fc
    .integer({ min: 1, max: 30_000 })
    .map((depth) => `{"jsonrpc":"2.0","id":1,"method":"sessions.send","params":${'['.repeat(depth)}${']'.repeat(depth)}}`),
  fc.string({ unit: 'binary', maxLength: 300 }),
)

/** How the length of a frame is said: in seven, sixteen or sixty-four bits, rightly or not. */
const lengthBytes = (masked: number, length: number, form: number): Buffer => {
  const bytes = Buffer.alloc(form === 127 ? 9 : form === 126 ? 3 : 1)
  bytes[0] = masked | (form < 126 ? Math.min(length, 125) : form)
  if (form === 126) bytes.writeUInt16BE(length & 0xffff, 1)
  if (form === 127) bytes.writeBigUInt64BE(BigInt(length), 1)
  return bytes
}

const frame = fc
  .record({
    first: fc.oneof(fc.constantFrom(0x81, 0x81, 0x01, 0x00, 0x80, 0x82, 0x88, 0x89, 0x8a), fc.integer({ min: 0, max: 255 })),
    masked: fc.constantFrom(0x80, 0x80, 0x80, 0),
    payload: text,
    form: fc.constantFrom(0, 126, 126, 127),
    lie: fc.option(fc.constantFrom(0, 1, 126, 65_536, 2 ** 32, Number.MAX_SAFE_INTEGER), { freq: 8 }),
  })
  .map(({ first, masked, payload, form, lie }) => {
    const bytes = Buffer.from(payload)
    const fits = bytes.length > 0xffff ? 127 : bytes.length > 125 ? Math.max(form, 126) : form
    // A mask of zeros changes nothing.
    return Buffer.concat([
      Buffer.from([first]),
      lengthBytes(masked, lie ?? bytes.length, fits),
      Buffer.alloc(masked === 0 ? 0 : 4),
      bytes,
    ])
  })

/** What follows an upgrade. */
export const frames: fc.Arbitrary<Buffer> = fc.array(frame, { minLength: 1, maxLength: 6 }).map((all) => Buffer.concat(all))

export const UPGRADE =
  'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
