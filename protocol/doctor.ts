/** The doctor: a look at everything that Switchboard stands on, and what to do. Part of metrics; the work is the command's. */
import { z } from 'zod'
import { method } from './method.ts'

/** ok: as it should be; warn: it works, and something is missing or will hurt; fail: it does not work. */
export const FindingState = z.enum(['ok', 'warn', 'fail'])
export type FindingState = z.output<typeof FindingState>

/** What one check of the doctor says. */
export const DoctorFinding = z
  .object({
    check: z.string().meta({ description: "the check's name, the same in every run", examples: ['disk'] }),
    state: FindingState,
    what: z.string().describe('what was found, in a sentence'),
    advice: z.string().nullable().describe('what to do, where there is anything to do'),
  })
  .meta({ title: 'DoctorFinding' })
export type DoctorFinding = z.output<typeof DoctorFinding>

/** One run of all checks. */
export const Examination = z
  .object({
    state: FindingState.describe('the worst of all'),
    findings: z.array(DoctorFinding).describe('also that the doctor itself could not be run'),
    examined_at: z.number().int().describe('when it began, in milliseconds since 1970'),
    took_ms: z.number(),
  })
  .meta({ title: 'Examination' })
export type Examination = z.output<typeof Examination>

/** Part of metrics. */
export const doctorMethods = {
  doctor: method({
    summary: 'Look at everything that Switchboard stands on (programs, login, disk, backups, permissions …) and say what to do',
    input: z.object({
      anew: z.boolean().default(false).describe('also where the last look is only seconds old'),
    }),
    output: Examination,
    http: [{ route: 'GET /api/doctor' }],
    mcp: 'doctor',
    ws: true,
    timeout_ms: 60_000,
    idempotent: true,
  }),
}
