/**
 * What the CLI says over its control channel when it was started with `--permission-prompt-tool stdio` (`claude-cli.md` 5),
 * and what it wants to hear. Every field may be missing or of another type.
 */
import type { Question } from '../../../protocol/approvals.ts'
import { asList, asRecord, asText, type Json, shorten } from './stream-json.ts'

/** A permission that is asked for. */
export interface PermissionQuestion {
  readonly request_id: string
  readonly tool_use_id: string
  readonly tool_name: string
  readonly title: string
  readonly description: string | null
  readonly input: Json
  /** Rules that would make the question superfluous, of those that hold for the life of the process only. */
  readonly suggestions: readonly Json[]
}

/** `void`: whatever was asked is asked no more. */
export type PermissionLine =
  | { readonly kind: 'asked'; readonly question: PermissionQuestion }
  | { readonly kind: 'withdrawn'; readonly request_id: string }
  | { readonly kind: 'void' }

/** Suggestions that narrow: a rule, a folder, or edits in the working directory. Never the mode that permits everything. */
const isModest = (suggestion: Json): boolean =>
  suggestion.type === 'addRules' ||
  suggestion.type === 'addDirectories' ||
  (suggestion.type === 'setMode' && suggestion.mode === 'acceptEdits')

/** The question on a line of the log, or null where it is none. */
export const readQuestion = (json: Json): PermissionQuestion | null => {
  const request = asRecord(json.request)
  const request_id = asText(json.request_id)
  if (json.type !== 'control_request' || request.subtype !== 'can_use_tool' || request_id === null) return null
  const tool_name = asText(request.tool_name) ?? ''
  return {
    request_id,
    tool_use_id: asText(request.tool_use_id) ?? '',
    tool_name,
    title: asText(request.display_name) ?? tool_name,
    description: asText(request.description),
    input: asRecord(request.input),
    suggestions: asList(request.permission_suggestions)
      .map(asRecord)
      .filter(isModest)
      // Theirs would be written into files of the folder or the user.
      .map((suggestion) => ({ ...suggestion, destination: 'session' })),
  }
}

/** What a line says about permissions; null for most. */
export const readPermission = (json: Json): PermissionLine | null => {
  if (json.type === 'control_request') {
    const question = readQuestion(json)
    return question && { kind: 'asked', question }
  }
  if (json.type === 'control_cancel_request') {
    const request_id = asText(json.request_id)
    return request_id === null ? null : { kind: 'withdrawn', request_id }
  }
  return json.type === 'result' ? { kind: 'void' } : null
}

/** What a suggestion would allow, in words; rules as the CLI writes them. */
export const wordsOf = (suggestion: Json): string[] => {
  if (suggestion.type === 'setMode') return ['every edit of a file in the working directory']
  if (suggestion.type === 'addDirectories')
    return asList(suggestion.directories).map((folder) => `work in the folder ${asText(folder) ?? '?'}`)
  return asList(suggestion.rules).map((rule) => {
    const { toolName, ruleContent } = asRecord(rule)
    const content = asText(ruleContent)
    return `${asText(toolName) ?? '?'}${content === null ? '' : `(${content})`}`
  })
}

/** The same line of the same log always gets the same id (invariant C). */
export const toApprovalId = (agent: number, offset: number): string => `${agent}-${offset}`

export const parseApprovalId = (id: string): { agent: number; offset: number } => {
  const [agent = 0, offset = 0] = id.split('-').map(Number)
  return { agent, offset }
}

/** The CLI itself allows four questions of four options: more is shown cut off rather than not at all. */
const MAX_ITEMS = 20
const MAX_CHARS = 2_000

const first = (list: unknown): Json[] => asList(list).slice(0, MAX_ITEMS).map(asRecord)

/** What is asked by the tool through which the model asks for an opinion. */
export const questionsOf = (toolName: string, input: Json): Question[] | null => {
  if (toolName !== 'AskUserQuestion') return null
  const text = (value: unknown): string => shorten(asText(value) ?? '', MAX_CHARS)
  return first(input.questions).map(({ question, header, options, multiSelect }) => ({
    question: text(question),
    header: text(header),
    options: first(options).map(({ label, description }) => ({ label: text(label), description: text(description) })),
    multi_select: multiSelect === true,
  }))
}

/** An answer as the CLI wants it, as JSON. `updatedInput` must be there even where nothing is changed. */
export const allowance = (input: Json, answers: Readonly<Record<string, string>> | null, rules: readonly Json[]): string =>
  JSON.stringify({
    behavior: 'allow',
    updatedInput: answers === null ? input : { ...input, answers },
    ...(rules.length > 0 && { updatedPermissions: rules }),
  })

/** @param message told to the model */
export const denial = (message: string): string => JSON.stringify({ behavior: 'deny', message })
