/**
 * The way into an agent: its FIFO, opened so that nothing ever blocks. `O_WRONLY | O_NONBLOCK` fails with ENXIO while
 * no reader is there (opening for reading and writing would succeed and write into the void of a dead agent); a full
 * FIFO is waited for by the event loop, without holding a thread. One writer an agent, its writes in order.
 */
import { constants, openSync } from 'node:fs'
import { Socket } from 'node:net'

export interface AgentWriter {
  /** Resolves when the kernel has the whole text; rejects with EPIPE when the reader is gone. */
  write(text: string): Promise<void>
  /** Lets go of our end. The CLI sees the end of file once the keeper has let go of its end, too. */
  close(): void
}

/** Opens the FIFO. Throws ENXIO while nobody reads, ENOENT while there is no FIFO. */
export const openWriter = (path: string): AgentWriter => {
  const socket = new Socket({ fd: openSync(path, constants.O_WRONLY | constants.O_NONBLOCK), readable: false, writable: true })
  let failure: Error | undefined
  socket.on('error', (error) => {
    failure = error
  })
  return {
    write: (text) =>
      new Promise((resolve, reject) => {
        if (failure || socket.destroyed) {
          reject(failure ?? new Error('the way into the agent is closed'))
          return
        }
        socket.write(text, (error) => (error ? reject(error) : resolve()))
      }),
    close: () => {
      socket.destroy()
    },
  }
}

/** A user message as the CLI reads it. `later`: never taken into a turn that runs. One line, newline included. */
export const messageLine = (uuid: string, text: string): string =>
  `${JSON.stringify({ type: 'user', message: { role: 'user', content: text }, uuid, priority: 'later' })}\n`

/** A request over the CLI's control channel. */
export const controlLine = (requestId: string, subtype: string): string =>
  `${JSON.stringify({ type: 'control_request', request_id: requestId, request: { subtype } })}\n`

/** An answer to a request that the CLI made over the control channel. @param response what the CLI is to get, as JSON */
export const answerLine = (requestId: string, response: string): string =>
  `{"type":"control_response","response":{"subtype":"success","request_id":${JSON.stringify(requestId)},"response":${response}}}\n`
