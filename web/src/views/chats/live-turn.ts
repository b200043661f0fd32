/** A turn as it is seen: the events folded into parts, in the order in which they came. */
import type { TurnEvent, TurnState } from '../../../../protocol/sessions.ts'

export interface ToolUse {
  readonly kind: 'tool'
  readonly id: string
  readonly name: string
  readonly input: string
  /** Undefined until it has one. */
  readonly result: string | undefined
  readonly isError: boolean
}

export type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'thinking'; readonly text: string }
  | { readonly kind: 'notice'; readonly text: string }
  /** A permission was asked for. */
  | { readonly kind: 'approval'; readonly approval_id: string; readonly tool: string; readonly title: string }
  | ToolUse

export interface LiveTurn {
  readonly turn_id: string
  readonly state: TurnState
  readonly parts: readonly Part[]
  /** How many stand before it. */
  readonly ahead: number
  /** The agent asks the model again, and why. */
  readonly retrying: string | undefined
  /** The last answer to all of it, once it has ended. */
  readonly reply: string | undefined
  readonly reason: string | undefined
  /** The newest message of the chat when it began to be followed: its answer comes behind. */
  readonly since: number
}

export const newTurn = (turn_id: string, state: TurnState, since: number): LiveTurn => ({
  ...{ turn_id, state, since, parts: [], ahead: 0 },
  ...{ retrying: undefined, reply: undefined, reason: undefined },
})

const ENDED: ReadonlySet<TurnState> = new Set(['answered', 'failed', 'cancelled', 'interrupted', 'expired'])

export const hasEnded = ({ state }: LiveTurn): boolean => ENDED.has(state)

/** Whether a text is what was said: its last part, or all of it. */
export const isSaid = (parts: readonly Part[], text: string): boolean => {
  const texts = parts.filter((part) => part.kind === 'text').map((part) => part.text)
  return [texts.at(-1), texts.join(''), texts.join('\n\n')].some((said) => said?.trim() === text.trim())
}

/** Adds to the last part where it is of this kind, else begins one. */
const append = (parts: readonly Part[], kind: 'text' | 'thinking', text: string): readonly Part[] => {
  const last = parts.at(-1)
  return last?.kind === kind ? [...parts.slice(0, -1), { kind, text: last.text + text }] : [...parts, { kind, text }]
}

/** The turn after an event. */
export const fold = (turn: LiveTurn, event: TurnEvent): LiveTurn => {
  const on = { ...turn, retrying: undefined }
  switch (event.type) {
    case 'queued':
      return { ...turn, ahead: event.ahead }
    case 'running':
      return { ...on, state: 'running' }
    case 'text':
    case 'thinking':
      return { ...on, state: 'running', parts: append(turn.parts, event.type, event.content) }
    case 'replaced':
      return {
        ...on,
        parts: append(
          turn.parts.filter(({ kind }) => kind !== 'text'),
          'text',
          event.content,
        ),
      }
    case 'tool_use': {
      const { tool_use_id: id, name, input } = event
      return { ...on, parts: [...turn.parts, { kind: 'tool', id, name, input, result: undefined, isError: false }] }
    }
    case 'tool_result': {
      const { tool_use_id, content, is_error } = event
      const parts = turn.parts.map((part) =>
        part.kind === 'tool' && part.id === tool_use_id ? { ...part, result: content, isError: is_error } : part,
      )
      return { ...on, parts }
    }
    case 'retrying':
      return { ...turn, retrying: event.reason }
    case 'approval': {
      const { approval_id, tool_name: tool, title } = event
      return { ...on, parts: [...turn.parts, { kind: 'approval', approval_id, tool, title }] }
    }
    case 'notice':
      return { ...on, parts: [...turn.parts, { kind: 'notice', text: event.content }] }
    case 'end':
      return { ...on, state: event.state, reply: event.content, reason: event.reason ?? undefined }
  }
}
