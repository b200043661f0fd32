/**
 * A socket throws EBUSY when a second send begins while one is pending: whatever a socket sends stands in one line. It is sent
 * behind whatever else happens at this moment, and frames that stand one behind the other for the same peer go as one message:
 * a send wakes a thread here and a process there, which costs more than the frame does.
 */

/** Something in the line. */
export interface Parcel {
  /** The first part of the message, where it has one beside its frames: a peer's address, or a topic. */
  readonly to?: Buffer
  readonly frame: Buffer
}

export interface SendLine {
  /** Puts something at the end of the line. */
  push(parcel: Parcel): void
  /** Takes something out of the line; false when it has been given to the socket already. */
  remove(parcel: Parcel): boolean
}

export interface SendLineOptions {
  /** Gives one message to the socket. */
  readonly send: (parts: Buffer[]) => Promise<void>
  /** Hears of a message that the socket refused, by its first parcel; the line goes on. */
  readonly onError: (error: unknown, parcel: Parcel) => void
  /** Whether the other side takes several frames in one message. */
  readonly join: boolean
}

/** A message is not made longer than this by joining: it is there as a whole or not at all, and whoever takes it does nothing else. */
const JOINED_MAX_BYTES = 262_144

/** The line itself has no bound: whoever pushes bounds what is open (calls of a link, calls of a peer). */
export const createSendLine = ({ send, onError, join }: SendLineOptions): SendLine => {
  const waiting = new Set<Parcel>()
  let sending = false

  /** Takes the next message out of the line. */
  const next = (first: Parcel): Buffer[] => {
    const parts = first.to === undefined ? [] : [first.to]
    let bytes = 0
    for (const parcel of waiting) {
      const fits = parcel === first || (join && parcel.to === first.to && bytes + parcel.frame.length <= JOINED_MAX_BYTES)
      if (!fits) break
      waiting.delete(parcel)
      parts.push(parcel.frame)
      bytes += parcel.frame.length
    }
    return parts
  }

  const work = async (): Promise<void> => {
    for (const parcel of waiting) {
      try {
        await send(next(parcel))
      } catch (error) {
        onError(error, parcel)
      }
    }
    sending = false
  }

  return {
    push: (parcel) => {
      waiting.add(parcel)
      if (sending) return
      sending = true
      queueMicrotask(() => void work())
    },
    remove: (parcel) => waiting.delete(parcel),
  }
}
