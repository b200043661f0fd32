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
import { ERRORS, ServiceError, toPublicError } from '../errors.ts'
import { removeAddress, socketAddress } from './address.ts'
import { type Admitted, type AnyHandlers, admit } from './admission.ts'
import { type Caller, Callers, type RunningCall } from './callers.ts'
import { type Counts, createCounts } from './counts.ts'
import { decodeFrame, encodeFrame, type Frame, MAX_TIMEOUT_MS, machineNow } from './frames.ts'
import { silentLog, type WireLog } from './log.ts'
import { openPulse } from './pulse.ts'
import { createSendLine } from './send-line.ts'
import { createRouter } from './sockets.ts'

/** How many calls of one caller may run at once; beyond it a call fails with `rate_limited`. */
const MAX_CALLS_OF_A_CALLER = 10_000

/** How long after a disconnect the callers are greeted; the socket needs a moment to forget the one that has gone. */
const LOOK_FOR_GONE_MS = 50

/** How long a closing service waits for its callers to say that they have received everything. */
const FLUSH_MS = 500

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

/** The first, the second, the fourth, …: who sends one such frame may send a million, and each line takes disk. */
const isWorthALine = (count: number): boolean => Number.isInteger(Math.log2(count))

type CallFrame = Extract<Frame, readonly ['call', ...unknown[]]>

/** Binds and answers. The caller must hold the service's lock: a second bind would steal the address without an error. */
export const openServer = async ({
  run_dir,
  service,
  instance,
  handlers = {},
  log = silentLog,
}: ServerOptions): Promise<WireServer> => {
  const router = createRouter()
  const counts = createCounts()
  const callers = new Callers(counts)
  const pulse = openPulse(instance, counts.totals)
  let draining = false
  let flushing = false
  let closed = false
  let onIdle: (() => void) | undefined
  let looking: NodeJS.Timeout | undefined

  const line = createSendLine({
    send: async (parts) => await router.send(parts),
    onError: (error, { to }) => {
      if (closed) return
      if (to !== undefined && (error as NodeJS.ErrnoException).code === 'EHOSTUNREACH') callers.forget(to)
      else log.error({ err: error, service }, 'A message to a caller could not be sent')
    },
    join: true,
  })
  const push = (to: Buffer, frame: Frame): void => line.push({ to, frame: encodeFrame(frame) })

  const pushFail = ({ address: to }: Caller, id: number, { code, message, data }: ServiceError): void => {
    try {
      push(to, ['fail', id, code, message, data])
    } catch (error) {
      log.error({ err: error, service, code }, 'The data of an error cannot be sent and was left out')
      push(to, ['fail', id, code, ERRORS[code].meaning, undefined])
    }
  }

  /** ZeroMQ says that a caller has gone, not which: greeting all of them finds the one that cannot be reached. */
  const lookForGone = (): void => {
    looking ??= setTimeout(() => {
      looking = undefined
      for (const caller of callers.all) push(caller.address, ['hello', instance, caller.epoch])
    }, LOOK_FOR_GONE_MS)
  }

  const fail = (caller: Caller, running: RunningCall, error: unknown): void => {
    const shown = toPublicError(error, running.row.errors ?? [])
    const fields = { err: error, method: running.row.name, call_id: running.call_id }
    if (shown.code === 'internal' || shown !== error)
      log.error(fields, 'A handler failed with an error that its contract does not declare')
    else log.debug(fields, 'A call failed')
    counts.failed(running.row.name)
    pushFail(caller, running.id, shown)
  }

  const answer = (caller: Caller, running: RunningCall, output: unknown): void => {
    try {
      push(caller.address, ['reply', running.id, output])
    } catch (error) {
      const tooLarge = error instanceof ServiceError && error.code === 'too_large'
      fail(caller, running, tooLarge ? error : new ServiceError('bad_output', undefined, { cause: error }))
    }
  }

  const run = async (caller: Caller, running: RunningCall, handle: Admitted['handle']): Promise<void> => {
    const { name } = running.row
    const began = performance.now()
    counts.began(name)
    try {
      const output = await handle({ call_id: running.call_id, signal: running.controller.signal })
      if (callers.settle(caller, running)) answer(caller, running, output)
    } catch (error) {
      if (callers.settle(caller, running)) fail(caller, running, error)
    }
    counts.ended(name, performance.now() - began)
    if (counts.totals.in_flight === 0) onIdle?.()
  }

  const start = (caller: Caller, [, id, name, raw, expiresAt, call_id]: CallFrame): void => {
    if (draining) throw new ServiceError('closing', `${service} is closing`)
    if (caller.running.size >= MAX_CALLS_OF_A_CALLER) throw new ServiceError('rate_limited')
    const { row, handle, longPoll } = admit(service, handlers, name, raw)
    const expire = (): void => callers.abandon(caller, running, new ServiceError('timeout', `The deadline of ${name} passed`))
    const timer = setTimeout(expire, Math.min(Math.ceil(expiresAt - machineNow()), MAX_TIMEOUT_MS))
    const running: RunningCall = { id, row, call_id, controller: new AbortController(), timer, longPoll }
    caller.running.set(id, running)
    void run(caller, running, handle)
  }

  const begin = (caller: Caller, frame: CallFrame): void => {
    const [, id, , , expiresAt, , epoch] = frame
    if (epoch !== caller.epoch || expiresAt <= machineNow() || id <= caller.lastId) {
      counts.totals.stale += 1
      return
    }
    caller.lastId = id
    try {
      start(caller, frame)
    } catch (error) {
      counts.totals.refused += 1
      pushFail(caller, id, toPublicError(error, ['rate_limited']))
    }
  }

  const cancel = (caller: Caller, id: number): void => {
    const running = caller.running.get(id)
    if (running !== undefined) callers.abandon(caller, running, new ServiceError('cancelled', 'The caller took the call back'))
  }

  const take = (from: Buffer, bytes: Buffer): void => {
    const frame = decodeFrame(bytes)
    const caller = callers.at(from)
    if (frame?.[0] === 'hello') {
      callers.welcome(from, frame[2])
      push(from, ['hello', instance, frame[2]])
    } else if (frame?.[0] === 'ping') push(from, ['pong', frame[1], pulse.read()])
    else if (frame?.[0] === 'call') {
      if (caller === undefined) counts.totals.stale += 1
      else begin(caller, frame)
    } else if (frame?.[0] === 'cancel') {
      if (caller !== undefined) cancel(caller, frame[1])
    } else if (frame?.[0] === 'pong') {
      if (flushing) callers.forget(from)
    } else {
      const malformed = ++counts.totals.malformed
      if (isWorthALine(malformed)) log.warn({ service, malformed }, 'A frame from a caller was malformed and dropped')
    }
  }

  const listen = async (): Promise<void> => {
    for await (const [from, ...frames] of router) for (const bytes of frames) take(from as Buffer, bytes)
  }

  const refuseRunning = (which: (running: RunningCall) => boolean): void => {
    for (const caller of callers.all) {
      for (const running of [...caller.running.values()].filter(which)) {
        const closing = new ServiceError('closing', `${service} is closing`)
        pushFail(caller, running.id, closing)
        callers.abandon(caller, running, closing)
      }
    }
  }

  router.events.on('disconnect', lookForGone)
  const address = socketAddress(run_dir, service)
  await router.bind(address)
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
      for (const caller of callers.all) push(caller.address, ['ping', 1])
      if (callers.size > 0) {
        await within(FLUSH_MS, (done) => {
          callers.onEmpty = done
        })
      }
      closed = true
      clearTimeout(looking)
      router.close()
      pulse.close()
      await removeAddress(address)
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
