/** What a service's socket might be sent by something that is not ours, or was ours and is broken. */

import { rowOf, type ServiceName, table } from '../../protocol/contract.ts'
import { MAX_FRAME_BYTES, machineNow, pack } from '../../protocol/wire/frames.ts'
import fc from '../property.ts'

/** A frame, or one that is new at each time it is sent: a call whose number was seen before is not begun. */
export type Piece = Buffer | ((id: number) => Buffer)

const EPOCH = 1

/** What comes before calls, or none of them is begun. */
export const HELLO = pack(['hello', 'a stranger', EPOCH])

const KINDS = ['hello', 'call', 'cancel', 'reply', 'fail', 'ping', 'pong', 'HELLO', '', '__proto__', 'constructor']

/** After it sessions takes no more work, on purpose: it is not for strangers to try. */
const FAREWELL = 'sessions.retire'

const methodOf = (service: string): fc.Arbitrary<string> =>
  fc.constantFrom(
    ...table.filter((row) => row.service === service && row.name !== FAREWELL).map(({ name }) => name),
    ...[
      `${service}.`,
      `${service}.__proto__`,
      `${service}.constructor`,
      `${service}.toString`,
      'sessions.send',
      '',
      '.',
      '__proto__',
    ],
  )

const value = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -0, 2 ** 53, -1, 1.5, undefined, new Uint8Array(40), new Date(0)),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
)

const input = (service: string): fc.Arbitrary<unknown> => {
  const fields = table
    .filter((row) => row.service === service)
    .flatMap(({ input: schema }) => Object.keys(Object(schema.def).shape ?? {}))
  return fc.oneof(value, fc.dictionary(fc.constantFrom('__proto__', 'constructor', ...fields, 'x'), value, { maxKeys: 5 }))
}

const LONG_MS = 5_000

const callFrame = (id: unknown, name: unknown, given: unknown, expires: unknown, call_id: unknown, epoch: unknown): Buffer =>
  pack(['call', id, name, given, expires, call_id, epoch])

/** Sound in all but what it asks for; the number makes it new. */
const call = (service: string): fc.Arbitrary<Piece> =>
  fc.tuple(methodOf(service), input(service)).map(
    ([name, given]) =>
      (id: number) =>
        callFrame(id, name, given, machineNow() + LONG_MS, 'c', EPOCH),
  )

/** Shaped as a call, with anything in each place. */
const odd = (service: string): fc.Arbitrary<Buffer> =>
  fc.tuple(value, fc.oneof(methodOf(service), value), input(service), value, value, value).map((parts) => callFrame(...parts))

/** Says that more follows than does: each of these headers is believed by somebody, and costs what it claims. */
const CLAIMS = [
  'ddffffffff',
  'dd00ffffff',
  'dcffff',
  'dfffffffff',
  'df00ffffff',
  'deffff',
  'c6ffffffff',
  'dbffffffff',
  'c9ffffffff72',
  'c8ffff65',
  '9f',
  '8f',
]

const claim = fc
  .tuple(fc.constantFrom(...CLAIMS), fc.integer({ min: 1, max: 2_000 }), fc.uint8Array({ maxLength: 50 }))
  .map(([header, times, rest]) => Buffer.concat([Buffer.from(header.repeat(times), 'hex'), rest]))

/** Kinds of values that msgpack leaves to programs; some of them mean code or references to a decoder. */
const extension = fc
  .tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 60 }))
  .map(([type, bytes]) => Buffer.concat([Buffer.from([0x97, 0xc7, bytes.length, type]), bytes]))

const nested = fc
  .tuple(fc.constantFrom('91', '81a0', '81a161'), fc.integer({ min: 1, max: 20_000 }))
  .map(([open, depth]) => Buffer.from(`${open.repeat(depth)}c0`, 'hex'))

const damaged = (whole: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> =>
  fc.tuple(whole, fc.nat(), fc.nat(255), fc.nat()).map(([bytes, at, byte, cut]) => {
    const copy = Buffer.from(bytes)
    copy[at % copy.length] = byte
    return copy.subarray(0, copy.length - (cut % copy.length))
  })

const shaped = fc.tuple(fc.constantFrom(...KINDS), fc.array(value, { maxLength: 7 })).map(([kind, rest]) => pack([kind, ...rest]))

/** One message: some frames together. */
export const message = (service: string): fc.Arbitrary<Piece[]> =>
  fc.array(
    fc.oneof(
      fc.constant(HELLO),
      { weight: 6, arbitrary: call(service) },
      { weight: 2, arbitrary: odd(service) },
      damaged(odd(service)),
      shaped,
      claim,
      extension,
      { weight: 1, arbitrary: nested },
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    ),
    { minLength: 1, maxLength: 12 },
  )

/** A message of very many frames, and one larger than any may be. */
export const excesses = (): (Buffer | Buffer[])[] => [
  Array.from({ length: 5_000 }, () => Buffer.alloc(0)),
  Array.from({ length: 5_000 }, (_, id) => pack(['cancel', id + 1])),
  Buffer.alloc(MAX_FRAME_BYTES + 10_000),
]

/** Codes with which a service says that it did not foresee what it was asked. */
export const UNFORESEEN = ['internal', 'bad_output']

/** A question that each service answers to whoever asks properly. */
export const honestQuestion = (service: ServiceName): string => {
  const found = table.find(
    (row) => row.service === service && row.idempotent === true && row.input.safeParse({}).success && row.name !== FAREWELL,
  )
  return rowOf(found?.name ?? '')?.verb ?? ''
}
