/** Reading bodies: JSON only, not too large, and not more at one time than memory can take. */
import { ServiceError } from '../../protocol/errors.ts'
import type { Exchange } from '../server/server.ts'
import { HttpError } from './errors.ts'
import { isJson } from './guard.ts'

/** A prompt may hold a whole document; a body beyond this is a mistake. */
const BODY_MAX_BYTES = 32 * 1024 * 1024

/** How many bodies of the largest size may be held at one time while they are read. */
const HELD_MAX = 4

/** A body of which less arrives in so long is cut off; uWebSockets.js does the same by itself, and sooner. */
const PACE_BYTES = 16_384
const PACE_MS = 10_000

/**
 * Builds the reader, to be asked before anything is awaited. Throws what is to be answered (413, 415, 503). What is bounded
 * is what has arrived, not how many send: whoever sends slowly holds little, and keeps nobody else out.
 */
export const createBodyReader = (body_max_bytes = BODY_MAX_BYTES): ((exchange: Exchange) => Promise<Uint8Array>) => {
  const held_max_bytes = HELD_MAX * body_max_bytes
  let held = 0
  return async (exchange) => {
    const contentType = exchange.header('content-type')
    if (Number(exchange.header('content-length')) > body_max_bytes) {
      throw new ServiceError('too_large', `The body is larger than ${body_max_bytes} bytes`)
    }
    let size = 0
    let looked = 0
    const pace = setInterval(() => {
      if (size - looked < PACE_BYTES) exchange.sever()
      looked = size
    }, PACE_MS)
    try {
      const body = await exchange.body(body_max_bytes, (bytes) => {
        if (held + bytes > held_max_bytes) throw new ServiceError('busy', 'Too much is being read at this moment; try again')
        held += bytes
        size += bytes
      })
      // An empty body is none, whatever a client says it would have been.
      if (body.length > 0 && !isJson(contentType))
        throw new HttpError(415, 'The body must be JSON: send it with content-type application/json')
      return body
    } finally {
      clearInterval(pace)
      held -= size
    }
  }
}
