/** A body that arrives in parts, as many and as small as the client likes: kept in one buffer that grows. */
import { ServiceError } from '../../protocol/errors.ts'

const BEGIN_BYTES = 4_096

export class Gathering {
  readonly #limit: number
  readonly #onPart: (bytes: number) => void
  #buffer = Buffer.alloc(0)
  #size = 0

  constructor(limit: number, onPart: (bytes: number) => void = () => undefined) {
    this.#limit = limit
    this.#onPart = onPart
  }

  /** Copies a part. Throws `too_large` past the limit, or what `onPart` throws; nothing is kept then, and no more may be added. */
  add(part: Uint8Array): void {
    const size = this.#size + part.byteLength
    try {
      if (size > this.#limit) throw new ServiceError('too_large', `The body is larger than ${this.#limit} bytes`)
      this.#onPart(part.byteLength)
    } catch (error) {
      this.#buffer = Buffer.alloc(0)
      throw error
    }
    if (size > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(this.#limit, Math.max(size, 2 * this.#buffer.length, BEGIN_BYTES)))
      this.#buffer.copy(grown, 0, 0, this.#size)
      this.#buffer = grown
    }
    this.#buffer.set(part, this.#size)
    this.#size = size
  }

  /** All that was added. */
  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#size)
  }
}
