/** Reading bodies: JSON only, not too large, not too many at a time. */
import { ServiceError } from '../../protocol/errors.ts'
import type { Exchange } from '../server/server.ts'
import { HttpError } from './errors.ts'
import { isJson } from './guard.ts'

/** A prompt may hold a whole document; a body beyond this is a mistake. */
const BODY_MAX_BYTES = 32 * 1024 * 1024

/** Bodies that are being read at one time, which bounds the memory they take. */
const BODIES_MAX = 100

/** Builds the reader, to be asked before anything is awaited. Throws what is to be answered (413, 415, 503). */
export const createBodyReader = (): ((exchange: Exchange) => Promise<Uint8Array>) => {
  let reading = 0
  return async (exchange) => {
    const contentType = exchange.header('content-type')
    if (Number(exchange.header('content-length')) > BODY_MAX_BYTES) {
      throw new ServiceError('too_large', `The body is larger than ${BODY_MAX_BYTES} bytes`)
    }
    if (reading >= BODIES_MAX) throw new ServiceError('busy', 'Too many requests are being read; try again')
    reading += 1
    try {
      const body = await exchange.body(BODY_MAX_BYTES)
      // An empty body is none, whatever a client says it would have been.
      if (body.length > 0 && !isJson(contentType))
        throw new HttpError(415, 'The body must be JSON: send it with content-type application/json')
      return body
    } finally {
      reading -= 1
    }
  }
}
