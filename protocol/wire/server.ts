/**
 * The service's end of the wire: one Router that takes the calls of all callers and runs their handlers.
 *
 * A call is *running* until its handler has ended, then its answer is sent. Its signal is aborted when its caller took it
 * back or went away, its deadline passed, or the service closes.
 *
 * - **A** A call is begun at most once: its connection must be the one it was made for, its deadline must not have passed,
 *   its id must be new.
 * - **B** Each call that was begun is answered, unless nobody waits for the answer any more.
 * - **C** After `drain` has begun no handler is started; what runs may finish until the deadline.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { type Row, rowOf } from '../contract.ts'
import { ServiceError, toPublicError } from '../errors.ts'
import type { CallContext } from '../method.ts'
import { parseInput } from '../validate.ts'
import { socketAddress } from './address.ts'
import { type Counts, createCounts } from './counts.ts'
import { decodeFrame, encodeFrame, type Frame, machineNow, type Pong } from './frames.ts'
import { silentLog, type WireLog } from './log.ts'
import { createSendLine } from './send-line.ts'
import { createRouter } from './sockets.ts'

/** How many calls of one caller may run at once; beyond it a call fails with `rate_limited`. */
const MAX_CALLS_OF_A_CALLER = 10_000

/** How finely the lateness of the event loop is sampled: 20 wake-ups a second. */
const LAG_RESOLUTION_MS = 50

/** How long after a disconnect the callers are greeted; the socket needs a moment to forget the one that has gone. */
const LOOK_FOR_GONE_MS = 50

/** How long a closing service waits for its callers to say that they have received everything. */
const FLUSH_MS = 500

/** Handlers by the verb of their row. `Handlers<S>` of the contract fits. */
export type AnyHandlers = Readonly<Record<string, (input: never, call: CallContext) => Promise<unknown>>>

export interface ServerOptions {
  readonly run_dir: string
  readonly service: string
  /** Names this life of the service; callers see by it that it has restarted. */
  readonly instance: string
  /** None: the server answers pings only. */
  readonly handlers?: AnyHandlers
  readonly log?: WireLog
}

export interface WireServer {
  /**
   * New calls fail with `closing` from now on. Resolves when the last running call has ended; at the deadline (from now)
   * the rest is aborted and answered with `closing`. Long polls (an idempotent row, `wait_ms` in the input) are aborted at
   * once: they have nothing to finish, and their callers ask the next instance.
   */
  drain(deadline_ms: number): Promise<void>
  /** Waits until the callers have what was sent to them, then lets go of the address. */
  close(): Promise<void>
  stats(): Counts
}

interface RunningCall {
  readonly id: number
  readonly row: Row
  readonly call_id: string
  readonly controller: AbortController
  readonly timer: NodeJS.Timeout
  readonly longPoll: boolean
}

/** A caller's connection. */
interface Peer {
  readonly address: Buffer
  readonly epoch: number
  /** Calls that somebody waits for. A call leaves when it is answered or abandoned, though its handler may go on a little. */
  readonly running: Map<number, RunningCall>
  lastId: number
}

type CallFrame = Extract<Frame, readonly ['call', ...unknown[]]>

const isLongPoll = (row: Row, input: unknown): boolean =>
  row.idempotent === true && typeof input === 'object' && input !== null && 'wait_ms' in input && Number(input.wait_ms) > 0

const keyOf = (address: Buffer): string => address.toString('latin1')

/** Binds and answers. The caller must hold the service's lock: a second bind would steal the address without an error. */
export const openServer = async ({ run_dir, service, instance, handlers = {}, log = silentLog }: ServerOptions): Promise<WireServer> => {
  const router = createRouter()
  const peers = new Map<string, Peer>()
  const counts = createCounts()
  const startedAt = machineNow()
  const lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS })
  let draining = false
  let flushing = false
  let closed = false
  let onIdle: (() => void) | undefined
  let onFlushed: (() => void) | undefined
  let looking: NodeJS.Timeout | undefined

  const line = createSendLine(
    async (parts) => await router.send(parts),
    (error, { parts }) => {
      if (closed) return
      if ((error as NodeJS.ErrnoException).code === 'EHOSTUNREACH') forgetPeer(keyOf(parts[0] as Buffer))
      else log.error({ err: error, service }, 'A message to a caller could not be sent')
    },
  )
  const push = (address: Buffer, frame: Frame): void => line.push({ parts: [address, encodeFrame(frame)] })
  const pushFail = ({ address }: Peer, id: number, { code, message, data }: ServiceError): void => push(address, ['fail', id, code, message, data])

  /** True for the first who ends it: by an answer, by abandoning it. */
  const end = (peer: Peer, { id, timer }: RunningCall): boolean => {
    clearTimeout(timer)
    return peer.running.delete(id)
  }

  /** Nobody waits for it any more. */
  const abandon = (peer: Peer, running: RunningCall, reason: ServiceError): void => {
    if (!end(peer, running)) return
    counts.failed(running.row.name)
    running.controller.abort(reason)
  }

  const forgetPeer = (key: string): void => {
    const peer = peers.get(key)
    if (peer === undefined) return
    peers.delete(key)
    for (const running of peer.running.values()) abandon(peer, running, new ServiceError('cancelled', 'The caller went away'))
    if (peers.size === 0) onFlushed?.()
  }

  /** ZeroMQ says that a caller has gone, not which: greeting all of them finds the one that cannot be reached. */
  const lookForGone = (): void => {
    looking ??= setTimeout(() => {
      looking = undefined
      for (const { address, epoch } of peers.values()) push(address, ['hello', instance, epoch])
    }, LOOK_FOR_GONE_MS)
  }

  const refuse = (peer: Peer, id: number, error: ServiceError): void => {
    counts.totals.refused += 1
    pushFail(peer, id, error)
  }

  const fail = (peer: Peer, running: RunningCall, error: unknown): void => {
    const shown = toPublicError(error, running.row.errors ?? [])
    const fields = { err: error, method: running.row.name, call_id: running.call_id }
    if (shown.code === 'internal') log.error(fields, 'A handler failed with an error that its contract does not declare')
    else log.debug(fields, 'A call failed')
    counts.failed(running.row.name)
    pushFail(peer, running.id, shown)
  }

  const answer = (peer: Peer, running: RunningCall, output: unknown): void => {
    try {
      push(peer.address, ['reply', running.id, output])
    } catch (error) {
      const tooLarge = error instanceof ServiceError && error.code === 'too_large'
      fail(peer, running, tooLarge ? error : new ServiceError('bad_output', undefined, { cause: error }))
    }
  }

  const run = async (peer: Peer, running: RunningCall, input: unknown): Promise<void> => {
    const { name, verb } = running.row
    const handler = handlers[verb] as (input: unknown, call: CallContext) => Promise<unknown>
    const began = performance.now()
    counts.began(name)
    try {
      const output = await handler(input, { call_id: running.call_id, signal: running.controller.signal })
      if (end(peer, running)) answer(peer, running, output)
    } catch (error) {
      if (end(peer, running)) fail(peer, running, error)
    }
    counts.ended(name, performance.now() - began)
    if (counts.totals.in_flight === 0) onIdle?.()
  }

  const begin = (peer: Peer, [, id, name, raw, expiresAt, callId, epoch]: CallFrame): void => {
    const left = expiresAt - machineNow()
    if (epoch !== peer.epoch || left <= 0 || id <= peer.lastId) {
      counts.totals.stale += 1
      return
    }
    peer.lastId = id
    const row = rowOf(name)
    if (row === undefined || row.service !== service || !Object.hasOwn(handlers, row.verb)) {
      return refuse(peer, id, new ServiceError('unknown_method', `${service} has no method ${name.slice(0, 100)}`))
    }
    if (draining) return refuse(peer, id, new ServiceError('closing', `${service} is closing`))
    if (peer.running.size >= MAX_CALLS_OF_A_CALLER) return refuse(peer, id, new ServiceError('rate_limited'))
    let input: unknown
    try {
      input = parseInput(row, raw)
    } catch (error) {
      return refuse(peer, id, toPublicError(error, []))
    }
    const controller = new AbortController()
    const timer = setTimeout(() => abandon(peer, running, new ServiceError('timeout', `The deadline of ${name} passed`)), Math.ceil(left))
    const running: RunningCall = { id, row, call_id: callId, controller, timer, longPoll: isLongPoll(row, input) }
    peer.running.set(id, running)
    void run(peer, running, input)
  }

  const pong = (): Pong => {
    const late = lag.max / 1e6 - LAG_RESOLUTION_MS
    lag.reset()
    const { calls, failures, in_flight } = counts.totals
    return { instance, uptime_ms: machineNow() - startedAt, loop_lag_ms: Math.max(0, late), calls, failures, in_flight }
  }

  const take = (address: Buffer, bytes: Buffer): void => {
    const key = keyOf(address)
    const frame = decodeFrame(bytes)
    const peer = peers.get(key)
    switch (frame?.[0]) {
      case 'hello':
        forgetPeer(key)
        peers.set(key, { address, epoch: frame[2], running: new Map(), lastId: 0 })
        return push(address, ['hello', instance, frame[2]])
      case 'ping':
        return push(address, ['pong', frame[1], pong()])
      case 'call':
        if (peer !== undefined) return begin(peer, frame)
        counts.totals.stale += 1
        return
      case 'cancel': {
        const running = peer?.running.get(frame[1])
        if (peer !== undefined && running !== undefined) abandon(peer, running, new ServiceError('cancelled', 'The caller took the call back'))
        return
      }
      case 'pong':
        if (flushing) forgetPeer(key)
        return
      default:
        counts.totals.malformed += 1
        log.warn({ service, malformed: counts.totals.malformed }, 'A frame from a caller was malformed and dropped')
    }
  }

  const listen = async (): Promise<void> => {
    for await (const [address, ...frames] of router) for (const bytes of frames) take(address as Buffer, bytes)
  }

  const refuseRunning = (which: (running: RunningCall) => boolean): void => {
    for (const peer of peers.values()) {
      for (const running of [...peer.running.values()].filter(which)) {
        const closing = new ServiceError('closing', `${service} is closing`)
        pushFail(peer, running.id, closing)
        abandon(peer, running, closing)
      }
    }
  }

  router.events.on('disconnect', lookForGone)
  await router.bind(socketAddress(run_dir, service))
  lag.enable()
  void listen().catch((error: unknown) => {
    if (!closed) log.error({ err: error, service }, 'The server stopped listening')
  })

  return {
    drain: async (deadline_ms) => {
      draining = true
      refuseRunning(({ longPoll }) => longPoll)
      if (counts.totals.in_flight > 0) await within(deadline_ms, (done) => (onIdle = done))
      refuseRunning(() => true)
    },
    close: async () => {
      if (flushing) return
      draining = true
      flushing = true
      refuseRunning(() => true)
      for (const { address } of peers.values()) push(address, ['ping', 1])
      if (peers.size > 0) await within(FLUSH_MS, (done) => (onFlushed = done))
      closed = true
      clearTimeout(looking)
      router.close()
      lag.disable()
    },
    stats: counts.read,
  }
}

/** Waits until `done` is called, `deadline_ms` at most. */
const within = async (deadline_ms: number, start: (done: () => void) => void): Promise<void> =>
  await new Promise((resolve) => {
    const timer = setTimeout(resolve, deadline_ms)
    start(() => {
      clearTimeout(timer)
      resolve()
    })
  })
