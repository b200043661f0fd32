/** A socket throws EBUSY when a second send begins while one is pending: whatever a socket sends stands in one line. */

/** Something in the line: one ZeroMQ message. */
export interface Parcel {
  readonly parts: Buffer[]
}

export interface SendLine {
  /** Puts a message at the end of the line; it is sent at once when nothing stands before it. */
  push(parcel: Parcel): void
  /** Takes a message out of the line; false when it has been given to the socket already. */
  remove(parcel: Parcel): boolean
}

/**
 * `send` gives one message to the socket; `onError` hears of a message that the socket refused, and the line goes on. The
 * line itself has no bound: whoever pushes bounds what is open (calls of a link, calls of a peer).
 */
export const createSendLine = (
  send: (parts: Buffer[]) => Promise<void>,
  onError: (error: unknown, parcel: Parcel) => void,
): SendLine => {
  const waiting = new Set<Parcel>()
  let sending = false
  const work = async (): Promise<void> => {
    sending = true
    for (const parcel of waiting) {
      waiting.delete(parcel)
      try {
        await send(parcel.parts)
      } catch (error) {
        onError(error, parcel)
      }
    }
    sending = false
  }
  return {
    push: (parcel) => {
      waiting.add(parcel)
      if (!sending) void work()
    },
    remove: (parcel) => waiting.delete(parcel),
  }
}
