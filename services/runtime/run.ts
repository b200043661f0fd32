/**
 * The life of a process, written once: read env → folders → lock → bus → open (store, recover what the last life left) →
 * bind → start → ready → work → stop intake → finish or abort within the deadline → close, last opened first → exit.
 *
 * - **A** The lock is taken before anything is opened and let go of last: two lives of a service never overlap.
 * - **B** `ready` is told only when calls are answered.
 * - **C** SIGINT, SIGTERM and the loss of the process manager's channel (its daemon died; a new one must find the lock free)
 *   end it alike. A second signal ends it at once.
 * - **D** The exit status is the truth: 0 only when everything was let go of properly. What nobody foresaw ends the process
 *   with 1, since its state is unknown then; the next life recovers as from any crash.
 */
import { randomUUID } from 'node:crypto'
import type { z } from 'zod'
import { createClient } from '../../protocol/client.ts'
import { contract, type ServiceName } from '../../protocol/contract.ts'
import { ServiceError } from '../../protocol/errors.ts'
import type { Client, Handlers, Publisher, ServiceSpec } from '../../protocol/method.ts'
import type { AnyHandlers } from '../../protocol/wire/admission.ts'
import { openPublisher } from '../../protocol/wire/bus.ts'
import type { Pong } from '../../protocol/wire/frames.ts'
import { openLink, type WireLink } from '../../protocol/wire/link.ts'
import { openServer } from '../../protocol/wire/server.ts'
import { createBackup } from './backup.ts'
import { type BaseEnv, EnvError, parseEnv, readEnvironment } from './env.ts'
import { type Home, openHome } from './home.ts'
import { takeLock } from './lock.ts'
import { createLog, type Log, secretsOf } from './log.ts'
import { createReleases, settledWithin } from './releases.ts'

/** How long running work may take to finish. The process manager's patience must be longer. */
export const SHUTDOWN_DEADLINE_MS = 8_000

/** How long the instance before may take to leave. Longer than its shutdown, so that a restart never fails by it. */
const LOCK_WAIT_MS = 10_000

/** What handlers that were aborted at the deadline get to notice it. */
const DRAIN_SLACK_MS = 250

/** How long letting go of one thing may take. */
const RELEASE_DEADLINE_MS = 2_000

/** The part of the contract that a process answers for; nothing where it is not in the contract (the edge). */
type SpecOf<N extends string> = N extends ServiceName
  ? (typeof contract)[N]
  : { methods: Record<never, never>; topics: Record<never, never> }

/** What a process has at hand while it lives. */
export interface Life<N extends string, Env> {
  readonly env: Env
  /** Every variable that is set, for the one who passes some of them on. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly log: Log
  readonly home: Home
  /** Names this life. */
  readonly instance: string
  /** A client of another service. The link is opened at the first use and closed after everything that was opened here. */
  client<S extends ServiceName>(service: S): Client<(typeof contract)[S]>
  /** Whether another service answers a ping within so many milliseconds. */
  isUp(service: ServiceName, patience_ms: number): Promise<boolean>
  /** How a process is doing. Fails with `unavailable` when nobody is there, with `timeout` when nobody answers. */
  ping(service: ServiceName | 'edge', patience_ms: number): Promise<Pong>
  /** Tells the topics of this service. */
  readonly publish: Publisher<SpecOf<N>>
  /** What to let go of at the end, last given first. */
  defer(name: string, release: () => void | Promise<void>): void
  /** Aborted when the process begins to end. */
  readonly ending: AbortSignal
}

/** What `open` gives back: how the service answers, begins and ends. */
export type Running<N extends string> = (N extends ServiceName
  ? { readonly handlers: Handlers<(typeof contract)[N]> }
  : { readonly handlers?: undefined }) & {
  /** After calls are answered, before ready is told. */
  start?(): void | Promise<void>
  /** Finish what is being done; new calls are refused already. Has until the shutdown deadline. */
  drain?(): void | Promise<void>
}

export interface RunOptions<N extends string, Shape extends z.ZodRawShape> {
  /** The name in the contract, of the lock, of the sockets and in the log. */
  readonly name: N
  /** `BaseEnv.extend({ … })`. */
  readonly env: z.ZodObject<Shape>
  readonly open: (life: Life<N, Readonly<z.output<z.ZodObject<Shape>>>>) => Promise<Running<N>> | Running<N>
  readonly shutdown_deadline_ms?: number
  readonly lock_wait_ms?: number
}

const readSettings = <Shape extends z.ZodRawShape>(schema: z.ZodObject<Shape>) => {
  try {
    return parseEnv(schema)
  } catch (error) {
    if (!(error instanceof EnvError)) throw error
    process.stderr.write(`${error.message}\n`)
    return process.exit(1)
  }
}

/** Aborts at the first request to end; a second signal exits at once. */
const listenForEnd = (log: Log): AbortSignal => {
  const controller = new AbortController()
  const onSignal = (signal: NodeJS.Signals): void => {
    if (controller.signal.aborted) {
      log.warn({ signal }, 'A second signal: leaving at once')
      process.exit(1)
    }
    controller.abort(signal)
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  if (process.send !== undefined) {
    const onLoss = (): void => controller.abort('the process manager went away')
    process.on('disconnect', onLoss)
    if (!process.connected) onLoss()
  }
  return controller.signal
}

const dieOfTheUnforeseen = (log: Log): void => {
  const die = (kind: string) => (error: unknown) => {
    log.fatal({ err: error }, `${kind}: leaving`)
    process.exit(1)
  }
  process.on('uncaughtException', die('An error was thrown where nobody catches it'))
  process.on('unhandledRejection', die('A promise was rejected and nobody looked'))
}

const untilAborted = async (signal: AbortSignal): Promise<void> =>
  await new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

/** Told by the process manager to wait for `ready`; without one there is nobody to tell. */
const tellReady = (log: Log, took_ms: number): void => {
  if (process.connected) process.send?.('ready')
  log.info({ took_ms: Math.round(took_ms) }, 'Ready')
}

/** Lives the whole life of a process and exits; to be called by a `main.ts` and by nothing else. */
export const run = async <const N extends string, Shape extends z.ZodRawShape>(options: RunOptions<N, Shape>): Promise<void> => {
  const { name, shutdown_deadline_ms = SHUTDOWN_DEADLINE_MS, lock_wait_ms = LOCK_WAIT_MS } = options
  const began = performance.now()
  const env = readSettings(options.env)
  const { SWITCHBOARD_HOME, LOG_LEVEL } = env as unknown as BaseEnv
  const instance = randomUUID()
  const log = createLog({ service: name, level: LOG_LEVEL, fields: { instance }, secrets: secretsOf(env) })
  dieOfTheUnforeseen(log)
  const ending = listenForEnd(log)
  const releases = createReleases(log)

  const live = async (): Promise<void> => {
    const home = openHome(SWITCHBOARD_HOME)
    log.debug({ lock_wait_ms }, 'Waiting for the lock')
    const lock = await takeLock({ run_dir: home.run, name, wait_ms: lock_wait_ms, signal: ending })
    releases.add('lock', () => lock.release())

    const links = new Map<ServiceName | 'edge', { readonly link: WireLink; readonly client: Client<ServiceSpec> }>()
    const linkReleases = createReleases(log)
    releases.add('links', async () => void (await linkReleases.run(shutdown_deadline_ms)))
    const linked = (service: ServiceName | 'edge') => {
      const known = links.get(service)
      if (known !== undefined) return known
      const link = openLink({ run_dir: home.run, service, instance, log })
      linkReleases.add(service, () => link.close())
      const made = { link, client: createClient(service as ServiceName, link.call) as unknown as Client<ServiceSpec> }
      links.set(service, made)
      return made
    }
    const client = <S extends ServiceName>(service: S) => linked(service).client as unknown as Client<(typeof contract)[S]>
    const ping = (service: ServiceName | 'edge', patience_ms: number): Promise<Pong> => linked(service).link.ping(patience_ms)
    const isUp = (service: ServiceName, patience_ms: number): Promise<boolean> =>
      ping(service, patience_ms).then(
        () => true,
        () => false,
      )

    const spec: ServiceSpec = Object.hasOwn(contract, name) ? contract[name as ServiceName] : { methods: {}, topics: {} }
    const bus = await openPublisher({ run_dir: home.run, service: name, spec, log })
    releases.add('bus', () => bus.close())

    const running = await options.open({
      env,
      environment: readEnvironment(),
      log,
      home,
      instance,
      client,
      isUp,
      ping,
      publish: bus.publish as Publisher<SpecOf<N>>,
      defer: (what, release) => releases.add(what, release),
      ending,
    })
    if (ending.aborted) return

    const own = running.handlers as AnyHandlers | undefined
    const handlers = own === undefined ? undefined : ({ ...createBackup(home.backups), ...own } as AnyHandlers)
    const server = await openServer({
      run_dir: home.run,
      service: name,
      instance,
      log,
      ...(handlers === undefined ? {} : { handlers }),
    })
    releases.add('server', () => server.close())
    await running.start?.()
    tellReady(log, performance.now() - began)

    await untilAborted(ending)
    log.info({ reason: String(ending.reason) }, 'Ending: no new work is taken')
    const drained = Promise.all([server.drain(shutdown_deadline_ms), Promise.resolve(running.drain?.())])
    if (!(await settledWithin(drained, shutdown_deadline_ms + DRAIN_SLACK_MS)))
      log.warn({}, 'Not all work ended within the deadline')
  }

  let status = 0
  try {
    await live()
  } catch (error) {
    const given_up = error instanceof ServiceError && error.code === 'cancelled' && ending.aborted
    if (!given_up) {
      status = 1
      log.fatal({ err: error }, error instanceof Error ? error.message : 'The process could not live')
    }
  }
  if (!(await releases.run(RELEASE_DEADLINE_MS))) status = 1
  log.info({ status }, 'Ended')
  process.exit(status)
}
