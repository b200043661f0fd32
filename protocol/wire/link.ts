/**
 * The caller's end of the wire.
 *
 * A call is *waiting* (no service is connected, or it has not said hello yet), then *sent*, then settled once: answered,
 * failed by the service, cancelled, out of time, or cut off by a broken connection. A cut-off call goes back to *waiting*
 * when its row is idempotent, and is sent again to whoever says hello next; else it fails with `unavailable`, since nobody
 * can know whether it was run.
 *
 * - **A** A call settles exactly once, and leaves `open` at that moment.
 * - **B** A call that has settled is not run any more: it is taken out of the line, cancelled where it was sent, and marked
 *   by its epoch where the connection broke.
 * - **C** Nobody there is `unavailable`; there but silent is `timeout`.
 */
import { randomUUID } from 'node:crypto'
import { DEFAULT_TIMEOUT_MS } from '../client.ts'
import { rowOf } from '../contract.ts'
import { type ErrorCode, isErrorCode, ServiceError } from '../errors.ts'
import type { CallOptions, Link } from '../method.ts'
import { socketAddress } from './address.ts'
import { decodeFrame, encodeFrame, type Frame, machineNow, type Pong } from './frames.ts'
import { silentLog, type WireLog } from './log.ts'
import { createSendLine, type Parcel } from './send-line.ts'
import { createDealer } from './sockets.ts'

/** How long a call that must not be repeated waits for somebody to be there. */
const CONNECT_WAIT_MS = 1_000

/** How many calls may be open on one link; one more fails with `busy`. */
export const MAX_OPEN_CALLS = 10_000

/** Timers hold no more than 2^31 ms; no call needs a day. */
const MAX_TIMEOUT_MS = 86_400_000

export interface WireLink {
  /** Makes a call of the contract by its name (`history.record`); see `createClient` for the typed way. */
  readonly call: Link
  /** How the service is doing. Fails with `unavailable` when nobody is there, with `timeout` when nobody answers. */
  ping(timeout_ms?: number): Promise<Pong>
  /** Open calls fail with `closing`. */
  close(): Promise<void>
}

export interface LinkOptions {
  readonly run_dir: string
  /** Whom to call. */
  readonly service: string
  /** Who calls; shows in the service's log. */
  readonly instance?: string
  readonly log?: WireLog
}

/** A call that has not settled. */
interface OpenCall {
  readonly name: string
  readonly repeatable: boolean
  readonly expires_at: number
  readonly toFrame: (epoch: number) => Frame
  readonly resolve: (output: unknown) => void
  readonly reject: (error: ServiceError) => void
  timer: NodeJS.Timeout | undefined
  /** Set once it was put into the line of the present connection. */
  parcel: Parcel | undefined
  /** Stops listening to the caller's signal. */
  forget: (() => void) | undefined
  /** Why the present instance did not take it, where it said so. */
  refusal: ServiceError | undefined
}

/** Connects in the background and stays connected; returns at once, whether or not the service is there. */
export const openLink = ({ run_dir, service, instance = randomUUID(), log = silentLog }: LinkOptions): WireLink => {
  const dealer = createDealer()
  const open = new Map<number, OpenCall>()
  let lastId = 0
  let epoch = 0
  let there = false
  let peer: string | undefined
  let lastPeer: string | undefined
  let closed = false
  let malformed = 0

  const line = createSendLine(
    async (parts) => await dealer.send(parts),
    (error) => {
      if (!closed) log.warn({ err: error, service }, 'A message to the service could not be sent')
    },
  )
  const push = (frame: Frame): Parcel => {
    const parcel = { parts: [encodeFrame(frame)] }
    line.push(parcel)
    return parcel
  }

  const settle = (id: number, call: OpenCall): void => {
    open.delete(id)
    clearTimeout(call.timer)
    call.forget?.()
  }
  const fail = (id: number, call: OpenCall, error: ServiceError): void => {
    settle(id, call)
    call.reject(error)
  }
  const failWith = (id: number, call: OpenCall, code: ErrorCode, message: string): void => fail(id, call, new ServiceError(code, message))

  const transmit = (id: number, call: OpenCall): void => {
    try {
      call.parcel = push(call.toFrame(epoch))
      armTimer(id, call)
    } catch (error) {
      fail(id, call, error as ServiceError)
    }
  }

  /** Takes back what may still run (B). */
  const withdraw = (id: number, call: OpenCall): void => {
    if (call.parcel !== undefined && !line.remove(call.parcel)) push(['cancel', id])
  }

  const expire = (id: number, call: OpenCall): void => {
    const left = call.expires_at - machineNow()
    if (left > 1 && (there || call.repeatable)) {
      armTimer(id, call)
      return
    }
    if (call.parcel !== undefined) line.remove(call.parcel)
    if (call.refusal !== undefined) fail(id, call, call.refusal)
    else if (there) failWith(id, call, 'timeout', `${service} is there and did not answer ${call.name} in time`)
    else failWith(id, call, 'unavailable', `${service} is not running: nobody took ${call.name}`)
  }

  const armTimer = (id: number, call: OpenCall): void => {
    clearTimeout(call.timer)
    const left = Math.max(1, Math.ceil(call.expires_at - machineNow()))
    const untilNextLook = call.repeatable || there ? left : Math.min(left, CONNECT_WAIT_MS)
    call.timer = setTimeout(expire, untilNextLook, id, call)
  }

  const begin = (
    name: string,
    { repeatable, timeout_ms, signal }: { repeatable: boolean; timeout_ms: number; signal?: AbortSignal | undefined },
    toFrame: (id: number, expires_at: number, epoch: number) => Frame,
  ): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (closed) throw new ServiceError('closing', `The link to ${service} is closed`)
      if (signal?.aborted) throw new ServiceError('cancelled', `${name} was taken back`, { cause: signal.reason })
      if (open.size >= MAX_OPEN_CALLS) throw new ServiceError('busy', `${open.size} calls to ${service} are open already`)
      lastId += 1
      const id = lastId
      const expires_at = machineNow() + Math.min(Math.max(1, timeout_ms), MAX_TIMEOUT_MS)
      const call: OpenCall = {
        name,
        repeatable,
        expires_at,
        toFrame: (current) => toFrame(id, expires_at, current),
        resolve,
        reject,
        timer: undefined,
        parcel: undefined,
        forget: undefined,
        refusal: undefined,
      }
      open.set(id, call)
      if (signal !== undefined) {
        const takeBack = (): void => {
          withdraw(id, call)
          fail(id, call, new ServiceError('cancelled', `${name} was taken back`, { cause: signal.reason }))
        }
        signal.addEventListener('abort', takeBack, { once: true })
        call.forget = () => signal.removeEventListener('abort', takeBack)
      }
      if (peer === undefined) armTimer(id, call)
      else transmit(id, call)
    })

  /** The connection broke: what was sent on it is cut off. */
  const cutOff = (): void => {
    if (!there) return
    there = false
    if (peer !== undefined) log.info({ service, open: open.size }, 'The connection to the service broke')
    peer = undefined
    for (const [id, call] of open) {
      call.refusal = undefined
      if (call.parcel === undefined) {
        armTimer(id, call)
        continue
      }
      line.remove(call.parcel)
      call.parcel = undefined
      if (!call.repeatable) failWith(id, call, 'unavailable', `${service} went away before it answered ${call.name}`)
    }
  }

  const onHello = (from: string, answered: number): void => {
    if (answered !== epoch || peer !== undefined) return
    if (lastPeer !== undefined && lastPeer !== from) log.info({ service, was: lastPeer, is: from }, 'The service has restarted')
    peer = from
    lastPeer = from
    for (const [id, call] of open) if (call.parcel === undefined) transmit(id, call)
  }

  const onFail = (id: number, call: OpenCall, code: string, message: string, data: unknown): void => {
    const error = new ServiceError(isErrorCode(code) ? code : 'internal', message, { data })
    if (code !== 'closing' || !call.repeatable) return fail(id, call, error)
    // A service that closes is followed by a new instance: what may be repeated waits for that one.
    call.parcel = undefined
    call.refusal = error
  }

  const take = (bytes: Buffer): void => {
    const frame = decodeFrame(bytes)
    if (frame?.[0] === 'hello') return onHello(frame[1], frame[2])
    if (frame?.[0] === 'ping') return void push(['pong', frame[1], null])
    const call = frame === undefined ? undefined : open.get(frame[1])
    if (frame?.[0] === 'fail') return call && onFail(frame[1], call, frame[2], frame[3], frame[4])
    if (frame?.[0] === 'reply' || frame?.[0] === 'pong') {
      if (call === undefined) return
      settle(frame[1], call)
      return call.resolve(frame[2])
    }
    malformed += 1
    log.warn({ service, malformed }, 'A frame from the service was malformed and dropped')
  }

  const listen = async (): Promise<void> => {
    for await (const parts of dealer) for (const bytes of parts) take(bytes)
  }

  dealer.events.on('connect', () => {
    there = true
  })
  dealer.events.on('handshake', () => {
    there = true
    epoch += 1
    push(['hello', instance, epoch])
  })
  dealer.events.on('disconnect', cutOff)
  dealer.events.on('connect:retry', cutOff)
  dealer.connect(socketAddress(run_dir, service))
  void listen().catch((error: unknown) => {
    if (!closed) log.error({ err: error, service }, 'The link stopped listening')
  })

  const call = async (name: string, input: unknown, options: CallOptions): Promise<unknown> => {
    const row = rowOf(name)
    if (row === undefined || row.service !== service) throw new ServiceError('unknown_method', `${service} has no method ${name}`)
    const timeout_ms = options.timeout_ms ?? row.timeout_ms ?? DEFAULT_TIMEOUT_MS
    const callId = options.call_id ?? randomUUID()
    return await begin(name, { repeatable: row.idempotent === true, timeout_ms, signal: options.signal }, (id, expires_at, current) => [
      'call', id, name, input, expires_at, callId, current,
    ])
  }

  return {
    call,
    ping: async (timeout_ms = 1_000) => (await begin('ping', { repeatable: true, timeout_ms }, (id) => ['ping', id])) as Pong,
    close: async () => {
      if (closed) return
      closed = true
      for (const [id, open_call] of open) failWith(id, open_call, 'closing', `The link to ${service} is closed`)
      dealer.close()
    },
  }
}
