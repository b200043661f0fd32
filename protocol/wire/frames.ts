/**
 * What travels between a caller (Dealer) and a service (Router). A frame is a msgpack array whose first element names its
 * kind; a ZeroMQ message holds one or more of them.
 *
 * - `hello` is the first frame of each connection, from both sides. The caller's carries its **epoch**, the number of its
 *   connection; the service answers with its own instance id.
 * - `call` repeats the epoch. A caller gives up what it had on a connection that broke, yet the socket may still deliver it
 *   to whoever comes next; an epoch that is not the connection's marks such a call, and it is not run.
 * - `expires_at` is a moment of the machine's monotonic clock ({@link machineNow}), which all processes share. So a call
 *   that lay in a queue until its caller gave up is not begun any more, and a step of the wall clock does no harm.
 * - ids are never used twice on a link, so that an answer that comes late matches nothing.
 * - `ping` goes both ways: a caller asks how the service is doing; a service that closes asks each caller to say that it has
 *   received all that was sent before (its `pong` tells nothing else).
 */
import { type Options, Packr } from 'msgpackr'
import { ServiceError } from '../errors.ts'

/** The largest frame either side sends. */
export const MAX_FRAME_BYTES = 64 * 1024 * 1024

/** Timers hold no more than 2^31 ms; no call needs a day. */
export const MAX_TIMEOUT_MS = 86_400_000

/** How a service is doing. */
export interface Pong {
  readonly instance: string
  readonly pid: number
  readonly uptime_ms: number
  /** The longest that its event loop was late since the ping before. */
  readonly loop_lag_ms: number
  readonly calls: number
  readonly failures: number
  readonly in_flight: number
}

export type Frame =
  | readonly ['hello', instance: string, epoch: number]
  | readonly ['call', id: number, method: string, input: unknown, expires_at: number, call_id: string, epoch: number]
  | readonly ['cancel', id: number]
  | readonly ['reply', id: number, output: unknown]
  | readonly ['fail', id: number, code: string, message: string, data: unknown]
  | readonly ['ping', id: number]
  | readonly ['pong', id: number, pong: Pong | null]

// No shared record structures: a frame must be readable without the frames before it.
// 'auto' (a number where it is exact, else a bigint) is documented, and missing from the library's types.
const packr = new Packr({ useRecords: false, mapsAsObjects: true, int64AsType: 'auto' as 'number' } satisfies Options)

/** Milliseconds on the clock that all processes of this machine share; it never steps back. */
export const machineNow = (): number => {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1_000 + nanoseconds / 1e6
}

/**
 * A value as msgpack, for whatever carries it. Throws `too_large` beyond {@link MAX_FRAME_BYTES} and `invalid_input` for
 * what cannot be written down (a cycle, a symbol).
 */
export const pack = (value: unknown): Buffer => {
  let bytes: Buffer
  try {
    bytes = packr.pack(value)
  } catch (error) {
    throw new ServiceError('invalid_input', 'The value cannot be sent', { cause: error })
  }
  if (bytes.length > MAX_FRAME_BYTES) {
    throw new ServiceError('too_large', `The message has ${bytes.length} bytes; at most ${MAX_FRAME_BYTES} can be sent`)
  }
  return bytes
}

/** What {@link pack} wrote, or undefined when the bytes are something else. Never throws. */
export const unpack = (bytes: Uint8Array): unknown => {
  try {
    return packr.unpack(bytes)
  } catch {
    return undefined
  }
}

/** A frame as bytes; throws as {@link pack} does. */
export const encodeFrame = (frame: Frame): Buffer => pack(frame)

const isId = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0
const isText = (value: unknown): value is string => typeof value === 'string'
const isMoment = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)

const isPong = (value: unknown): value is Pong => {
  if (typeof value !== 'object' || value === null) return false
  const pong = value as Record<string, unknown>
  return (
    isText(pong.instance) &&
    ['pid', 'uptime_ms', 'loop_lag_ms', 'calls', 'failures', 'in_flight'].every((key) => isMoment(pong[key]))
  )
}

/** Whether the elements behind the kind are what that kind has, and as many. */
const SHAPES: { readonly [K in Frame[0]]: (frame: readonly unknown[]) => boolean } = {
  hello: ({ length, 1: instance, 2: epoch }) => length === 3 && isText(instance) && isId(epoch),
  call: ({ length, 1: id, 2: method, 4: expiresAt, 5: callId, 6: epoch }) =>
    length === 7 && isId(id) && isText(method) && isMoment(expiresAt) && isText(callId) && isId(epoch),
  cancel: ({ length, 1: id }) => length === 2 && isId(id),
  reply: ({ length, 1: id }) => length === 3 && isId(id),
  fail: ({ length, 1: id, 2: code, 3: message }) => length === 5 && isId(id) && isText(code) && isText(message),
  ping: ({ length, 1: id }) => length === 2 && isId(id),
  pong: ({ length, 1: id, 2: pong }) => length === 3 && isId(id) && (pong === null || isPong(pong)),
}

/** The frame in a message, or undefined when it is none of ours: malformed frames are counted and dropped. */
export const decodeFrame = (bytes: Uint8Array): Frame | undefined => {
  const value = unpack(bytes)
  if (!Array.isArray(value) || typeof value[0] !== 'string' || !Object.hasOwn(SHAPES, value[0])) return undefined
  return SHAPES[value[0] as Frame[0]](value) ? (value as unknown as Frame) : undefined
}
