/**
 * Topics: a service publishes, whoever wants listens. Hints only: a hint may be lost (a full queue, a broken connection,
 * a subscriber that comes late), and whoever must not miss anything reads from the owner. What was lost shows as a gap.
 *
 * A message is two frames: the topic, for ZeroMQ to filter by, and msgpack `[seq, payload]`. `seq` counts per publisher and
 * begins at the wall clock's microseconds, so that it goes on rising over restarts, and a restart shows as a gap.
 */

import { contract } from '../contract.ts'
import { ServiceError } from '../errors.ts'
import type { Publisher, ServiceSpec, TopicSpec } from '../method.ts'
import { busAddress, removeAddress } from './address.ts'
import { pack, unpack } from './frames.ts'
import { silentLog, type WireLog } from './log.ts'
import { createSendLine } from './send-line.ts'
import { createPublisher, createSubscriber } from './sockets.ts'

export interface BusPublisher<S extends ServiceSpec> {
  /** One function a topic. They never throw and never wait: a hint must not disturb what it tells of. */
  readonly publish: Publisher<S>
  close(): Promise<void>
}

/** Binds the service's bus. The caller must hold the service's lock. */
export const openPublisher = async <S extends ServiceSpec>(options: {
  readonly run_dir: string
  readonly service: string
  readonly spec: S
  readonly log?: WireLog
}): Promise<BusPublisher<S>> => {
  const { run_dir, service, spec, log = silentLog } = options
  const socket = createPublisher()
  const address = busAddress(run_dir, service)
  await socket.bind(address)
  let closed = false
  const line = createSendLine({
    send: async (parts) => await socket.send(parts),
    onError: (error) => {
      if (!closed) log.warn({ err: error, service }, 'A hint could not be published')
    },
    join: false,
  })
  const functions = Object.keys(spec.topics).map((name) => {
    const topic = Buffer.from(name)
    let seq = Date.now() * 1_000
    const publish = (payload: unknown): void => {
      if (closed) return
      try {
        seq += 1
        line.push({ to: topic, frame: pack([seq, payload]) })
      } catch (error) {
        log.warn({ err: error, service, topic: name }, 'A hint could not be written down')
      }
    }
    return [name, publish] as const
  })
  return {
    publish: Object.fromEntries(functions) as Publisher<S>,
    close: async () => {
      if (closed) return
      closed = true
      socket.close()
      await removeAddress(address)
    },
  }
}

export interface SubscriberOptions {
  readonly run_dir: string
  /** Whom to listen to. */
  readonly service: string
  /** A hint whose payload fits the contract. What it throws is logged. */
  readonly on: (topic: string, payload: unknown, seq: number) => void
  /** Something may have been missed: a hole in a topic's numbers, or (topic null) the connection was made anew. */
  readonly on_gap?: (topic: string | null) => void
  readonly log?: WireLog
}

const topicsOf = (service: string): Readonly<Record<string, TopicSpec>> => {
  const known = Object.hasOwn(contract, service)
  if (!known) throw new ServiceError('not_found', `There is no service ${service} in the contract`)
  return contract[service as keyof typeof contract].topics
}

/** Listens to all topics of a service, now and whenever it comes back. */
export const openSubscriber = (options: SubscriberOptions): { close(): void } => {
  const { run_dir, service, on, on_gap, log = silentLog } = options
  const topics = topicsOf(service)
  const socket = createSubscriber()
  const last = new Map<string, number>()
  let connections = 0
  let closed = false

  const take = (topicBytes: Buffer | undefined, bytes: Buffer | undefined): void => {
    const topic = topicBytes?.toString() ?? ''
    const message = bytes === undefined ? undefined : unpack(bytes)
    const spec = Object.hasOwn(topics, topic) ? topics[topic] : undefined
    const [seq, raw] = Array.isArray(message) && message.length === 2 ? message : []
    const payload = spec?.payload.safeParse(raw)
    if (!Number.isSafeInteger(seq) || !payload?.success) {
      log.warn({ service, topic: topic.slice(0, 100) }, 'A hint did not fit the contract and was dropped')
      return
    }
    const before = last.get(topic)
    last.set(topic, seq)
    if (before !== undefined && seq !== before + 1) on_gap?.(topic)
    on(topic, payload.data, seq)
  }

  const listen = async (): Promise<void> => {
    for await (const [topic, bytes] of socket) {
      try {
        take(topic, bytes)
      } catch (error) {
        log.error({ err: error, service }, 'A listener failed on a hint')
      }
    }
  }

  socket.events.on('handshake', () => {
    connections += 1
    if (connections > 1) on_gap?.(null)
  })
  socket.subscribe()
  socket.connect(busAddress(run_dir, service))
  void listen().catch((error: unknown) => {
    if (!closed) log.error({ err: error, service }, 'The subscriber stopped listening')
  })
  return {
    close: () => {
      closed = true
      socket.close()
    },
  }
}
