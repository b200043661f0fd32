/** The vector of a query, within its budget. */
import { ServiceError } from '../../../protocol/errors.ts'
import { withDeadline } from '../deadline.ts'
import type { Log } from '../log.ts'
import type { Embed } from './retrieval.ts'
import { toUnit } from './signs.ts'

/** A person waits. A model that has to be loaded first takes longer; until then words have to do. */
const BUDGET_MS = 2_000

export interface QueryVector {
  readonly model: string
  readonly dimensions: number
  readonly unit: Float32Array
}

const reasonOf = ({ reason }: AbortSignal): ServiceError =>
  reason instanceof ServiceError ? reason : new ServiceError('cancelled', 'The search was taken back', { cause: reason })

/** Null where no model answers in time, or the model can make none of this text. Throws `cancelled` or why `signal` was aborted. */
export const embedQuery = async (embed: Embed, text: string, signal: AbortSignal, log: Log): Promise<QueryVector | null> => {
  if (signal.aborted) throw reasonOf(signal)
  try {
    // An embedder that does not heed its signal does not hold the search.
    const { model, dimensions, vectors } = await withDeadline([signal], BUDGET_MS, (until) =>
      embed([text], { kind: 'query', signal: until, timeout_ms: BUDGET_MS }),
    )
    const vector = vectors[0] ?? null
    if (vector !== null && vector.length !== dimensions)
      throw new ServiceError('bad_output', `The model ${model} gave ${vector.length} dimensions where it has ${dimensions}`)
    const unit = vector === null ? null : toUnit(vector)
    return unit === null ? null : { model, dimensions, unit }
  } catch (error) {
    if (signal.aborted) throw reasonOf(signal)
    log.debug({ err: error }, 'The query has no vector; it is searched by words alone')
    return null
  }
}
