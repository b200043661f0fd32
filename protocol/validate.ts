/** The single point where unknown input becomes typed input; in the process that owns the method. */
import type { z } from 'zod'
import { ServiceError } from './errors.ts'
import type { MethodSpec } from './method.ts'

/** One fault of an input, as `invalid_input` carries it in `data.issues`. */
export interface InputIssue {
  /** Where: field names and indexes from the top. */
  readonly path: readonly (string | number)[]
  /** `missing`, or zod's own code (`invalid_type`, `too_big`, …). */
  readonly code: string
  /** What was expected, where the code is `invalid_type`. */
  readonly expected?: string
  readonly message: string
}

const valueAt = (input: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key], input)

const toIssue = (input: unknown, issue: z.core.$ZodIssue): InputIssue => ({
  path: issue.path.map((key) => (typeof key === 'symbol' ? String(key) : key)),
  code: valueAt(input, issue.path) === undefined && issue.code === 'invalid_type' ? 'missing' : issue.code,
  ...(issue.code === 'invalid_type' ? { expected: issue.expected } : {}),
  message: issue.message,
})

/** The input as the method declares it. Throws `invalid_input` with every fault in `data.issues`. */
export const parseInput = (spec: Pick<MethodSpec, 'input'>, input: unknown): unknown => {
  const parsed = spec.input.safeParse(input)
  if (parsed.success) return parsed.data
  const issues = parsed.error.issues.map((issue) => toIssue(input, issue))
  const text = issues.map((issue) => `${issue.path.join('.') || 'input'}: ${issue.message}`).join('; ')
  throw new ServiceError('invalid_input', text, { data: { issues } })
}
