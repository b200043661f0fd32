/**
 * What every service answers without a handler of its own: `services/runtime/run.ts` adds it to each. Internal: no surface
 * shows these rows, they are not in the table that surfaces walk, and the typed clients do not have them.
 */
import { z } from 'zod'
import { method, type ServiceSpec } from './method.ts'

/** A copy that the owner of a database has made, not yet looked through. */
export const OwnCopy = z.object({
  file: z.string().describe('its name in the folder'),
  bytes: z.number().int(),
  took_ms: z.number().describe('from the first page to the last'),
})
export type OwnCopy = z.output<typeof OwnCopy>

export const upkeep = {
  backup: method({
    summary: 'Copy the databases of this service, each as it is at one moment, into a folder of the backups',
    input: z.object({
      folder: z
        .string()
        .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/)
        .describe('below backups/ in SWITCHBOARD_HOME; it must be there'),
    }),
    output: z.object({ copies: z.array(OwnCopy) }),
    errors: ['not_found', 'low_disk'],
    // A database of many gigabytes, copied bit by bit beside the work of the service.
    timeout_ms: 3_600_000,
  }),
} as const satisfies ServiceSpec['methods']
