/** Vectors come from memory, which keeps the one model of the house. */
import { type memory, toVector } from '../../protocol/memory.ts'
import type { Client } from '../../protocol/method.ts'
import type { Embed } from '../runtime/retrieval/retrieval.ts'

/** The way over the wire and back, on top of what the model gets. */
const WAY_MS = 500

/** Asks memory for vectors. Throws what the call throws: no model, or no memory, is answered alike. */
export const embedWith =
  (client: Pick<Client<typeof memory>, 'embed'>): Embed =>
  async (texts, { kind, signal, timeout_ms }) => {
    const { model, dimensions, vectors } = await client.embed(
      { texts: [...texts], kind, timeout_ms },
      { signal, timeout_ms: timeout_ms + WAY_MS },
    )
    return { model, dimensions, vectors: vectors.map((bytes) => (bytes === null ? null : toVector(bytes))) }
  }
