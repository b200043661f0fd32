/** The typed client of a service: built by walking the table, typed by inference. Runs in a browser too. */
import { type contract, type ServiceName, table } from './contract.ts'
import { ServiceError } from './errors.ts'
import type { CallOptions, Client, Link } from './method.ts'

/** How long a call waits where its row names no other time, in milliseconds. */
export const DEFAULT_TIMEOUT_MS = 5_000

/**
 * `createClient('history', link).get_session({ session_id })`. The answer is checked against the contract: one that does
 * not fit is the service's fault and fails with `bad_output`.
 */
export const createClient = <N extends ServiceName>(service: N, link: Link): Client<(typeof contract)[N]> =>
  Object.fromEntries(
    table
      .filter((row) => row.service === service)
      .map((row) => [
        row.verb,
        async (input: unknown, options: CallOptions = {}) => {
          const output = await link(row.name, input, { timeout_ms: row.timeout_ms ?? DEFAULT_TIMEOUT_MS, ...options })
          const parsed = row.output.safeParse(output)
          if (!parsed.success)
            throw new ServiceError('bad_output', `${row.name} answered what its contract does not allow`, { cause: parsed.error })
          return parsed.data
        },
      ]),
  ) as unknown as Client<(typeof contract)[N]>
