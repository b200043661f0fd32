/** The errors of the description: which codes an operation may answer, and what an answer of each status looks like. */
import { STATUS_CODES } from 'node:http'
import { z } from 'zod'
import { ALWAYS_PUBLIC, ERRORS, type ErrorCode } from '../../protocol/errors.ts'
import type { Ref, Response } from './openapi-document.ts'
import type { Schemas } from './openapi-schemas.ts'

const Fault = z
  .object({
    type: z.string().describe('which rule is broken: missing, string_type, json_invalid, …'),
    loc: z.array(z.union([z.string(), z.number()])).describe('where: body, query, path or header, then field names and indexes'),
    msg: z.string().describe('for people'),
    input: z.unknown().optional().describe('what was sent there, shortened'),
    ctx: z.record(z.string(), z.unknown()).optional().describe('the limits of the rule'),
  })
  .meta({ title: 'Fault' })

/** What an error is answered with. */
export const ErrorReply = z.object({ detail: z.string().describe('a sentence for people') }).meta({ title: 'ErrorReply' })

/** What bad input is answered with: its faults, or a sentence where no field is to blame. */
export const FaultsReply = z.object({ detail: z.union([z.array(Fault), z.string()]) }).meta({ title: 'FaultsReply' })

/** The guard's own: they may be answered to every request. */
const GUARDED: readonly ErrorCode[] = ['unauthorized', 'forbidden', 'rate_limited', 'busy', 'internal']

/** Who took a call back is not there to read of it, and a method that is declared is missing only while versions are mixed. */
const UNSEEN: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['cancelled', 'unknown_method'])

/** What may go wrong, beside what `declared` names. */
export interface Risks {
  readonly declared?: readonly ErrorCode[]
  /** Answered without a token. */
  readonly public?: boolean
  /** It is passed on to a service. */
  readonly called?: boolean
  readonly hasInput?: boolean
  readonly hasBody?: boolean
}

const codesOf = ({ declared = [], public: open, called, hasInput, hasBody }: Risks): ReadonlySet<ErrorCode> => {
  const codes = new Set<ErrorCode>([...GUARDED, ...(called ? ALWAYS_PUBLIC : [])])
  for (const code of UNSEEN) codes.delete(code)
  if (open) codes.delete('unauthorized')
  for (const [code, possible] of [
    ['invalid_input', hasInput],
    ['too_large', hasBody],
  ] as const) {
    if (possible) codes.add(code)
    else codes.delete(code)
  }
  for (const code of declared) codes.add(code)
  return codes
}

/** Gathers the responses while a description is built. */
export interface ErrorResponses {
  readonly named: Readonly<Record<string, Response>>
  /** The error responses of an operation, by status. */
  of(risks: Risks): Record<string, Ref>
}

export const createErrorResponses = (schemas: Schemas): ErrorResponses => {
  const named: Record<string, Response> = {}

  const refer = (status: number, codes: readonly ErrorCode[]): Ref => {
    const name = [status, ...codes].join('-')
    const meanings = codes.map((code) => ({ code, meaning: ERRORS[code].meaning, retry: ERRORS[code].retry }))
    const words = meanings.map(({ code, meaning }) => `\`${code}\`: ${meaning}`)
    named[name] ??= {
      description: words.join('. ') || (STATUS_CODES[status] ?? String(status)),
      headers: { 'X-Call-Id': { $ref: '#/components/headers/X-Call-Id' } },
      content: { 'application/json': { schema: schemas.of(status === 422 ? FaultsReply : ErrorReply, 'output') } },
      ...(meanings.length === 0 ? {} : { 'x-errors': meanings }),
    }
    return { $ref: `#/components/responses/${name}` }
  }

  return {
    named,
    of: (risks) => {
      const byStatus = new Map<number, ErrorCode[]>(risks.hasBody ? [[415, []]] : [])
      for (const code of codesOf(risks)) {
        const { status } = ERRORS[code]
        byStatus.set(status, [...(byStatus.get(status) ?? []), code])
      }
      const sorted = [...byStatus].sort(([one], [other]) => one - other)
      return Object.fromEntries(sorted.map(([status, codes]) => [String(status), refer(status, codes.sort())]))
    },
  }
}
