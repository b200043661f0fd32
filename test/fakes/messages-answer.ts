import { randomBytes } from 'node:crypto'
import type { Directives } from '../../services/sessions/demo/directives.ts'
import { tokenParts } from '../../services/sessions/demo/script.ts'
import type { ApiRequest, Filling } from './messages-api.ts'

/** A content block of an answer: how it begins, and what is added to it. */
export type Piece = { start: object; deltas: object[] }

/** The content blocks of the answer. @param earlier how many requests of this kind came with this text before */
export function composePieces(request: Pick<ApiRequest, 'kind' | 'prompt'>, wish: Directives, earlier = 0): Piece[] {
  if (request.kind === 'go_on') return [textPiece([` part${earlier + 2}`])]
  if (request.kind === 'side') return [textPiece(['side'])]
  if (request.kind === 'own') return [textPiece(tokenParts(wish.number('own_tokens', 2), wish.text('own_label', 'own')))]
  const pieces: Piece[] = []
  if (wish.has('thinking')) {
    pieces.push({
      start: { type: 'thinking', thinking: '', signature: '' },
      deltas: [
        { type: 'thinking_delta', thinking: wish.text('thinking') },
        { type: 'signature_delta', signature: 'c2lnbmF0dXJl' },
      ],
    })
  }
  if (wish.has('tool') && request.kind === 'prompt') {
    const background = wish.has('background') && { run_in_background: true }
    const input = { command: wish.text('command', 'true'), description: 'asked for by a test', ...background }
    pieces.push({
      start: { type: 'tool_use', id: `toolu_${id()}`, name: wish.text('tool'), input: {} },
      deltas: [{ type: 'input_json_delta', partial_json: JSON.stringify(input) }],
    })
    return pieces
  }
  if (wish.has('empty')) return pieces
  if (wish.has('size')) pieces.push(textPiece('x'.repeat(wish.number('size', 0)).match(/.{1,4000}/g) ?? []))
  else if (wish.has('say')) pieces.push(textPiece([wish.text('say')]))
  else if (wish.has('tokens')) pieces.push(textPiece(tokenParts(wish.number('tokens', 1), wish.text('label'))))
  else pieces.push(textPiece(['echo', ': ', wish.rest || request.prompt]))
  return pieces
}

const STRUCTURED_TOOL = 'StructuredOutput'

/** The answer that a test gives itself: a structure where one is asked for, or a text; null where it gives none. */
export function filledPieces(request: ApiRequest, filling: Filling): Piece[] | null {
  if (request.kind !== 'prompt') return null
  const tools = (request.body.tools ?? []) as { name?: string }[]
  if (filling.structured && tools.some(({ name }) => name === STRUCTURED_TOOL)) {
    const input = filling.structured(request)
    return [
      {
        start: { type: 'tool_use', id: `toolu_${id()}`, name: STRUCTURED_TOOL, input: {} },
        deltas: [{ type: 'input_json_delta', partial_json: JSON.stringify(input) }],
      },
    ]
  }
  const text = filling.text?.(request)
  return text === undefined ? null : [textPiece([text])]
}

function textPiece(parts: string[]): Piece {
  return { start: { type: 'text', text: '' }, deltas: parts.map((text) => ({ type: 'text_delta', text })) }
}

/** What every answer costs. */
export const USAGE = {
  input_tokens: 100,
  cache_creation_input_tokens: 7,
  cache_read_input_tokens: 11,
  cache_creation: { ephemeral_5m_input_tokens: 7, ephemeral_1h_input_tokens: 0 },
  output_tokens: 5,
  service_tier: 'standard',
}

/** The answer as one message, for a request that does not stream. Without pieces: how a stream begins. */
export function wholeMessage(model: string, pieces: readonly Piece[], stopReason: string | null) {
  return {
    id: `msg_${id()}`,
    type: 'message',
    role: 'assistant',
    model,
    content: pieces.map(wholeBlock),
    stop_reason: stopReason,
    stop_sequence: null,
    usage: USAGE,
  }
}

function wholeBlock(piece: Piece): object {
  const joined = (key: string) => piece.deltas.map((delta) => (delta as Record<string, string>)[key] ?? '').join('')
  const { type } = piece.start as { type: string }
  if (type === 'tool_use') return { ...piece.start, input: JSON.parse(joined('partial_json')) as object }
  if (type === 'thinking') return { type, thinking: joined('thinking'), signature: joined('signature') }
  return { type, text: joined('text') }
}

function id(): string {
  return randomBytes(12).toString('hex')
}
