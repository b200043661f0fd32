import type { Output } from './output.ts'
import type { Transcript } from './transcript.ts'

/** A message of the host. `named`: the uuid is the host's own, so its life is told. */
export type Message = { uuid: string; named: boolean; text: string; priority: string }

/** The end of a background task, which starts a turn of the agent's own. */
export type Notification = { runId: string; summary: string; script: string }

/** What the next turn is about: messages, merged when several waited, or one notification. */
export type Work = { messages: Message[]; notification: Notification | null }

/** What waits for a turn. */
export type Inbox = ReturnType<typeof createInbox>

export function createInbox(out: Output, transcript: Transcript) {
  const resumed = new Set(transcript.known)
  const seen = new Set<string>()
  let waiting: (Message | Notification)[] = []
  const isMessage = (item: Message | Notification): item is Message => 'uuid' in item
  return {
    /** Takes a message in. A uuid that was there before is not run again; returns false then. */
    offer: (message: Message): boolean => {
      if (!out.options.legacy && (resumed.has(message.uuid) || seen.has(message.uuid))) {
        out.replay(message.uuid, message.text, true)
        if (resumed.has(message.uuid)) out.lifecycle(message.uuid, 'completed')
        return false
      }
      seen.add(message.uuid)
      waiting.push(message)
      if (message.named) out.lifecycle(message.uuid, 'queued')
      return true
    },
    notify: (notification: Notification) => void waiting.push(notification),
    /** The next work: all messages up to a notification, or that notification. Null when nothing waits. */
    take: (): Work | null => {
      const [first] = waiting
      if (!first) return null
      if (!isMessage(first)) {
        waiting = waiting.slice(1)
        return { messages: [], notification: first }
      }
      const end = waiting.findIndex((item) => !isMessage(item))
      const messages = (end < 0 ? waiting : waiting.slice(0, end)).filter(isMessage)
      waiting = waiting.slice(messages.length)
      return { messages, notification: null }
    },
    /** The messages that go into the running turn at its next model call: all but those that said `later`. */
    steer: (): Message[] => {
      const taken = waiting.filter(isMessage).filter((message) => message.priority !== 'later')
      waiting = waiting.filter((item) => !taken.includes(item as Message))
      return taken
    },
    /** Takes a waiting message out. */
    cancel: (uuid: string): boolean => {
      const before = waiting.length
      waiting = waiting.filter((item) => !isMessage(item) || item.uuid !== uuid)
      return waiting.length < before
    },
    uuids: () => waiting.filter(isMessage).map((message) => message.uuid),
    isEmpty: () => waiting.length === 0,
  }
}
