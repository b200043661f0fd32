/** The four kinds of sockets and how each is set up. */
import { context, Dealer, Publisher, Router, Subscriber } from 'zeromq'
import { MAX_FRAME_BYTES } from './frames.ts'

/** Above our own limit, so that ours answers first: ZeroMQ's answer to an oversize message is to cut the connection. */
const MAX_MESSAGE_BYTES = MAX_FRAME_BYTES + 1_024

/** A new instance is found within 70 ms: the interval doubles up to the maximum, plus a jitter of one interval. */
const RECONNECT = { reconnectInterval: 20, reconnectMaxInterval: 50 } as const

/** Unsent messages never hold a process that wants to leave. */
const forgetAtExit = (): void => {
  context.blocky = false
}

/** For callers. `immediate`: nothing is queued for a peer that is not there, and what was queued dies with its connection. */
export const createDealer = (): Dealer => {
  forgetAtExit()
  return new Dealer({ linger: 0, immediate: true, maxMessageSize: MAX_MESSAGE_BYTES, ...RECONNECT })
}

/**
 * For services. `mandatory`: an answer to a caller that has gone is an error and not silence. No high-water mark towards
 * callers: what may wait for one is bounded by the calls it may have open, and with a mark one caller that is
 * stopped would hold up the answers to all. No waiting to send, for the same reason: a mandatory Router without any caller
 * counts as not writable, and a send would hang until somebody comes.
 */
export const createRouter = (): Router => {
  forgetAtExit()
  return new Router({ linger: 0, mandatory: true, sendHighWaterMark: 0, sendTimeout: 0, maxMessageSize: MAX_MESSAGE_BYTES })
}

/** For topics. A subscriber that does not keep up loses hints. */
export const createPublisher = (): Publisher => {
  forgetAtExit()
  return new Publisher({ linger: 0 })
}

export const createSubscriber = (): Subscriber => {
  forgetAtExit()
  return new Subscriber({ linger: 0, maxMessageSize: MAX_MESSAGE_BYTES, ...RECONNECT })
}
