/**
 * Topics for those who asked for them: what services publish on the bus is handed on as it comes. Hints only, as on the bus:
 * whoever missed some is told that there is a gap, and reads from the owner.
 */
import { contract } from '../../protocol/contract.ts'
import { toNotification } from './json-rpc.ts'

/** By its name in the contract, with its service in front: `sessions.turn_changed`. */
export const TOPICS: readonly string[] = Object.entries(contract).flatMap(([service, { topics }]) =>
  Object.keys(topics).map((topic) => `${service}.${topic}`),
)

/** Listens to the bus of a service. */
export type Listen = (options: {
  readonly service: string
  readonly on: (topic: string, payload: unknown, seq: number) => void
  /** Null: any topic of the service may have lost something. */
  readonly on_gap: (topic: string | null) => void
}) => { close(): void }

/** One who is told. */
export interface TopicListener {
  /** `text` is the notification, ready to be sent. */
  onHint(topic: string, text: string): void
  /** Something of this topic may have been missed. */
  onGap(topic: string): void
}

export interface Topics {
  /** A topic of the contract; asking twice is asking once. */
  subscribe(topic: string, listener: TopicListener): void
  unsubscribe(topic: string, listener: TopicListener): void
  /** How many are told of anything, a topic each. */
  readonly size: number
  close(): void
}

/** Listens to every service that has topics, from now on: whoever subscribes shall not wait for a connection. */
export const openTopics = (listen: Listen): Topics => {
  const listeners = new Map<string, Set<TopicListener>>(TOPICS.map((topic) => [topic, new Set()]))

  const hear = (service: string): { close(): void } =>
    listen({
      service,
      on: (topic, payload, seq) => {
        const name = `${service}.${topic}`
        const told = listeners.get(name) ?? []
        const text = toNotification('topic', JSON.stringify({ topic: name, seq, payload }))
        for (const listener of told) listener.onHint(name, text)
      },
      on_gap: (topic) => {
        const names = topic === null ? TOPICS.filter((name) => name.startsWith(`${service}.`)) : [`${service}.${topic}`]
        for (const name of names) for (const listener of listeners.get(name) ?? []) listener.onGap(name)
      },
    })
  const subscribers = Object.entries(contract)
    .filter(([, { topics }]) => Object.keys(topics).length > 0)
    .map(([service]) => hear(service))

  return {
    subscribe: (topic, listener) => void listeners.get(topic)?.add(listener),
    unsubscribe: (topic, listener) => void listeners.get(topic)?.delete(listener),
    get size() {
      return [...listeners.values()].reduce((sum, set) => sum + set.size, 0)
    },
    close: () => {
      for (const subscriber of subscribers) subscriber.close()
    },
  }
}
