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
import { isErrorCode, ServiceError } from '../errors.ts'
import type { CallOptions, Link } from '../method.ts'
import { socketAddress } from './address.ts'
import { decodeFrame, encodeFrame, type Frame, MAX_TIMEOUT_MS, machineNow, type Pong } from './frames.ts'
import { silentLog, type WireLog } from './log.ts'
import { type OpenCall, OpenCalls } from './open-calls.ts'
import { createSendLine, type Parcel } from './send-line.ts'
import { createDealer } from './sockets.ts'

/** How long a call that must not be repeated waits for somebody to be there. */
const CONNECT_WAIT_MS = 1_000

/** How many calls may be open on one link; one more fails with `busy`. */
export const MAX_OPEN_CALLS = 10_000

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

/** Connects in the background and stays connected; returns at once, whether or not the service is there. */
export const openLink = ({ run_dir, service, instance = randomUUID(), log = silentLog }: LinkOptions): WireLink => {
  const dealer = createDealer()
  const open = new OpenCalls()
  let epoch = 0
  let there = false
  let peer: string | undefined
  let lastPeer: string | undefined
  let closed = false
  let malformed = 0

  const line = createSendLine({
    send: async (parts) => await dealer.send(parts),
    onError: (error) => {
      if (!closed) log.warn({ err: error, service }, 'A message to the service could not be sent')
    },
    join: true,
  })
  const push = (frame: Frame): Parcel => {
    const parcel = { frame: encodeFrame(frame) }
    line.push(parcel)
    return parcel
  }

  const transmit = (call: OpenCall): void => {
    try {
      call.parcel = push(call.toFrame(epoch))
      armTimer(call)
    } catch (error) {
      open.fail(call, error as ServiceError)
    }
  }

  /** Takes back what may still run (B). */
  const withdraw = (call: OpenCall): void => {
    if (call.parcel !== undefined && !line.remove(call.parcel)) push(['cancel', call.id])
  }

  const expire = (call: OpenCall): void => {
    const left = call.expires_at - machineNow()
    if (left > 1 && (there || call.repeatable)) {
      armTimer(call)
      return
    }
    if (call.parcel !== undefined) line.remove(call.parcel)
    if (call.refusal !== undefined) open.fail(call, call.refusal)
    else if (there) open.failWith(call, 'timeout', `${service} is there and did not answer ${call.name} in time`)
    else open.failWith(call, 'unavailable', `${service} is not running: nobody took ${call.name}`)
  }

  const armTimer = (call: OpenCall): void => {
    clearTimeout(call.timer)
    const left = Math.max(1, Math.ceil(call.expires_at - machineNow()))
    const untilNextLook = call.repeatable || there ? left : Math.min(left, CONNECT_WAIT_MS)
    call.timer = setTimeout(expire, untilNextLook, call)
  }

  const listenToSignal = (call: OpenCall, signal: AbortSignal): void => {
    const takeBack = (): void => {
      withdraw(call)
      open.fail(call, new ServiceError('cancelled', `${call.name} was taken back`, { cause: signal.reason }))
    }
    signal.addEventListener('abort', takeBack, { once: true })
    call.forget = () => signal.removeEventListener('abort', takeBack)
  }

  const begin = (
    name: string,
    { repeatable, timeout_ms, signal }: { repeatable: boolean; timeout_ms: number; signal?: AbortSignal | undefined },
    toFrame: (id: number, epoch: number, expires_at: number) => Frame,
  ): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (closed) throw new ServiceError('closing', `The link to ${service} is closed`)
      if (signal?.aborted) throw new ServiceError('cancelled', `${name} was taken back`, { cause: signal.reason })
      if (open.size >= MAX_OPEN_CALLS) throw new ServiceError('busy', `${open.size} calls to ${service} are open already`)
      const expires_at = machineNow() + Math.min(Math.max(1, timeout_ms), MAX_TIMEOUT_MS)
      const call = open.add({
        name,
        repeatable,
        expires_at,
        resolve,
        reject,
        toFrame: (id, current) => toFrame(id, current, expires_at),
      })
      if (signal !== undefined) listenToSignal(call, signal)
      if (peer === undefined) armTimer(call)
      else transmit(call)
    })

  /** The connection broke: what was sent on it is cut off. */
  const cutOff = (): void => {
    if (!there) return
    there = false
    if (peer !== undefined) log.info({ service, open: open.size }, 'The connection to the service broke')
    peer = undefined
    for (const call of open) {
      const { parcel } = call
      call.parcel = undefined
      call.refusal = undefined
      if (parcel !== undefined) line.remove(parcel)
      if (parcel !== undefined && !call.repeatable) {
        open.failWith(call, 'unavailable', `${service} went away before it answered ${call.name}`)
      } else armTimer(call)
    }
  }

  const onHello = (from: string, answered: number): void => {
    if (answered !== epoch || peer !== undefined) return
    if (lastPeer !== undefined && lastPeer !== from) log.info({ service, was: lastPeer, is: from }, 'The service has restarted')
    peer = from
    lastPeer = from
    for (const call of open) if (call.parcel === undefined) transmit(call)
  }

  const onFail = (call: OpenCall, code: string, message: string, data: unknown): void => {
    const error = new ServiceError(isErrorCode(code) ? code : 'internal', message, { data })
    if (code === 'closing' && call.repeatable) {
      // A service that closes is followed by a new instance: what may be repeated waits for that one.
      call.parcel = undefined
      call.refusal = error
    } else open.fail(call, error)
  }

  const take = (bytes: Buffer): void => {
    const frame = decodeFrame(bytes)
    if (frame?.[0] === 'hello') onHello(frame[1], frame[2])
    else if (frame?.[0] === 'ping') push(['pong', frame[1], null])
    else if (frame?.[0] === 'reply' || frame?.[0] === 'pong') {
      const call = open.get(frame[1])
      if (call !== undefined) open.answer(call, frame[2])
    } else if (frame?.[0] === 'fail') {
      const call = open.get(frame[1])
      if (call !== undefined) onFail(call, frame[2], frame[3], frame[4])
    } else {
      malformed += 1
      log.warn({ service, malformed }, 'A frame from the service was malformed and dropped')
    }
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
    return await begin(
      name,
      { repeatable: row.idempotent === true, timeout_ms, signal: options.signal },
      (id, current, expires_at) => ['call', id, name, input, expires_at, callId, current],
    )
  }

  return {
    call,
    ping: async (timeout_ms = 1_000) => (await begin('ping', { repeatable: true, timeout_ms }, (id) => ['ping', id])) as Pong,
    close: async () => {
      if (closed) return
      closed = true
      for (const open_call of open) open.failWith(open_call, 'closing', `The link to ${service} is closed`)
      dealer.close()
    },
  }
}
