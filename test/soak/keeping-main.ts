/**
 * The edge broken on purpose, so that a soak shows that it would notice: it keeps a copy of all that the services tell it, the
 * words of answers among it.
 */
import { Unpackr } from 'msgpackr'

const kept: Buffer[] = []
const { unpack } = Unpackr.prototype
Unpackr.prototype.unpack = function (this: Unpackr, bytes: Uint8Array, options?: number | object) {
  kept.push(Buffer.from(bytes))
  return unpack.call(this, bytes, options as never)
}

await import('../../gateway-edge/main.ts')
