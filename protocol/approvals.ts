/** Permissions that an agent asks for while a turn runs (CLAUDE_PERMISSION_MODE=ask), and the answers of people. */
import { z } from 'zod'
import { TurnId } from './identifiers.ts'
import { method, topic } from './method.ts'

export const ApprovalId = z
  .string()
  .regex(/^\d{1,15}-\d{1,15}$/, 'must look like <agent>-<offset>')
  .meta({ description: 'names a question of an agent: its number and where in its log it stands', examples: ['1-2048'] })

/** The states of a question. All but the first are ends; it reaches exactly one of them, once. */
export const ApprovalState = z
  .enum(['waiting', 'allowed', 'denied', 'expired', 'withdrawn'])
  .meta({ title: 'ApprovalState' })
  .describe('expired: nobody answered in time, which denies; withdrawn: the agent no longer asks')
export type ApprovalState = z.output<typeof ApprovalState>

/** A question with answers to choose from, where the agent asks for an opinion and not for a permission. */
export const Question = z
  .object({
    question: z.string(),
    header: z.string(),
    options: z.array(z.object({ label: z.string(), description: z.string() })),
    multi_select: z.boolean(),
  })
  .meta({ title: 'Question' })
export type Question = z.output<typeof Question>

/** One thing that an agent wants to do and may not without being told so. */
export const Approval = z
  .object({
    approval_id: ApprovalId,
    bot_id: z.string(),
    chat_id: z.string(),
    turn_id: TurnId.nullable().describe('null: the agent does it of its own accord, in no turn that was handed to it'),
    tool_use_id: z.string(),
    tool_name: z.string(),
    title: z.string().describe('the tool as people call it'),
    description: z.string().nullable().describe("what the call is for, in the model's words: not to be trusted"),
    input: z.string().describe('what the tool would get, as JSON, shortened'),
    questions: z.array(Question).nullable().describe('what the tool AskUserQuestion wants to know, else null'),
    remembers: z
      .array(z.string())
      .describe(
        'what `remember` would allow for as long as this agent serves the conversation; empty: it can be allowed only once',
      ),
    state: ApprovalState,
    asked_at: z.number().describe('milliseconds since 1970, as all moments here'),
    expires_at: z.number().describe('when it is denied because nobody answered'),
    decided_at: z.number().nullable(),
    note: z.string().nullable().describe('what was said with the answer'),
  })
  .meta({ title: 'Approval' })
export type Approval = z.output<typeof Approval>

/** What came of a question, as a person says it. */
export const Decision = z.enum(['allow', 'deny'])
export type Decision = z.output<typeof Decision>

/** Part of sessions. None is a tool of MCP: an agent must not answer its own questions. */
export const approvalMethods = {
  approvals: method({
    summary: 'What agents ask permission for, the newest 200, eldest first',
    input: z.object({
      bot_id: z.string().optional(),
      chat_id: z.string().optional(),
      state: ApprovalState.optional(),
    }),
    output: z.object({ approvals: z.array(Approval) }),
    http: [{ route: 'GET /api/gateway/approvals' }],
    ws: true,
    timeout_ms: 5_000,
    idempotent: true,
  }),
  decide: method({
    summary: 'Allow or deny what an agent asks permission for',
    input: z.object({
      approval_id: ApprovalId,
      decision: Decision,
      remember: z.boolean().default(false).describe('allow the like, too, for as long as this agent serves the conversation'),
      message: z.string().max(4_000).optional().describe('told to the model with a denial'),
      answers: z
        .record(z.string().max(2_000), z.string().max(4_000))
        .optional()
        .describe('for AskUserQuestion: the label chosen for each question; several are joined by a comma'),
    }),
    output: Approval,
    errors: ['not_found', 'conflict'],
    http: [{ route: 'POST /api/gateway/approvals/{approval_id}' }],
    ws: true,
    timeout_ms: 10_000,
    idempotent: true,
  }),
}

/** Part of sessions. */
export const approvalTopics = {
  approval_changed: topic({
    summary: 'An agent asks for a permission, or its question has reached an end',
    payload: z.object({
      approval_id: ApprovalId,
      bot_id: z.string(),
      chat_id: z.string(),
      turn_id: TurnId.nullable(),
      state: ApprovalState,
    }),
  }),
}
