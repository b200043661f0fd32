import { randomBytes } from 'node:crypto'
import type { Directives } from './directives.ts'
import type { Ledger } from './ledger.ts'
import type { Output } from './output.ts'
import { type Block, die, reach } from './script.ts'
import { Interrupted, wait, waitForever } from './wait.ts'

/** One answer of the model, streamed. */
export type Speech = {
  out: Output
  ledger: Ledger
  wish: Directives
  signal: AbortSignal
  /** The uuids it answers. */
  uuids: readonly string[]
  delayMs: number
  model: string
  /** Called in front of an `assistant` line. */
  beforeAssistant(): void
}

type Message = ReturnType<typeof blankMessage>

/** What a model call has said: its text, and the message as it goes into the transcript. */
export type Said = { text: string; message: Message }

/**
 * Streams blocks as the CLI shows them: the `assistant` line of a block stands before its `content_block_stop`. When interrupted, what
 * was said so far is shown and `Interrupted` is thrown.
 */
export async function speak(speech: Speech, blocks: readonly Block[], stopReason: 'end_turn' | 'tool_use'): Promise<Said> {
  const { out, wish } = speech
  const message = blankMessage(speech.model)
  const length = blocks.reduce((sum, block) => sum + (block.kind === 'tool' ? 1 : block.parts.length), 0)
  const usage = speech.ledger.book(length, 1)
  const unfinished = { ...message, usage: { ...usage, output_tokens: 1 } }
  const progress = { deltas: 0 }
  let text = ''
  out.event({ type: 'message_start', message: unfinished }, { ttft_ms: 0 })
  for (const [index, block] of blocks.entries()) {
    out.event({ type: 'content_block_start', index, content_block: emptyBlock(block) })
    await streamBlock(speech, block, index, progress, (part) =>
      showAssistant(speech, { ...unfinished, content: [part] }, { aborted: true }),
    )
    if (block.kind === 'text') {
      reach('text', wish)
      if (wish.has('supersede')) return repeatWhole(speech, index, usage)
      text += block.parts.join('')
    }
    const content = finishedBlock(block)
    message.content.push(content)
    showAssistant(speech, { ...unfinished, content: [content] })
    if (block.kind === 'text') reach('assistant', wish)
    out.event({ type: 'content_block_stop', index })
  }
  message.stop_reason = stopReason
  out.event({ type: 'message_delta', delta: { stop_reason: stopReason, stop_sequence: null }, usage })
  out.event({ type: 'message_stop' })
  return { text, message }
}

/** The deltas of a block. Interrupted, it hands what was said to `showPartial` and closes the message as the CLI does. */
async function streamBlock(
  speech: Speech,
  block: Block,
  index: number,
  progress: { deltas: number },
  showPartial: (content: object) => void,
): Promise<void> {
  const { out, wish } = speech
  const delta = (value: object) => out.event({ type: 'content_block_delta', index, delta: value })
  if (block.kind === 'tool') return delta({ type: 'input_json_delta', partial_json: JSON.stringify(block.input) })
  const broken = wish.has('supersede') && block.kind === 'text'
  const parts = broken ? block.parts.slice(0, Math.ceil(block.parts.length / 2)) : block.parts
  const said: string[] = []
  try {
    for (const [place, plain] of parts.entries()) {
      await beforeDelta(speech, progress.deltas, speech.delayMs)
      const part = wish.has('stamp') ? `${plain}@${process.hrtime.bigint() / 1_000n}` : plain
      // The whole text, which follows, is what was streamed.
      block.parts[place] = part
      delta(deltaOf(block.kind, part))
      said.push(part)
      progress.deltas += 1
    }
    // A fault may be meant for the end: behind the last delta, before the block is whole.
    await beforeDelta(speech, progress.deltas, 0)
  } catch (error) {
    if (error instanceof Interrupted) {
      showPartial(finishedBlock({ ...block, parts: said }))
      out.user([{ type: 'text', text: '[Request interrupted by user]' }])
      out.event({ type: 'content_block_stop', index })
      out.event({ type: 'message_delta', delta: { stop_reason: null, stop_sequence: null } })
      out.event({ type: 'message_stop' })
    }
    throw error
  }
  if (block.kind === 'thinking') delta({ type: 'signature_delta', signature: SIGNATURE })
}

/** What the CLI does when a stream breaks: the request is repeated without streaming, and only this line has its text. */
function repeatWhole(speech: Speech, index: number, usage: object): Said {
  speech.out.event({ type: 'content_block_stop', index })
  speech.out.event({ type: 'message_stop' })
  const text = speech.wish.text('supersede')
  const message = { ...blankMessage(speech.model), content: [{ type: 'text', text }], stop_reason: 'end_turn' }
  showAssistant(speech, { ...message, usage })
  reach('assistant', speech.wish)
  return { text, message }
}

function showAssistant({ out, uuids, beforeAssistant }: Speech, message: object, rest: object = {}): void {
  beforeAssistant()
  out.assistant(message, { ...rest, ...out.answered(uuids) })
}

const SIGNATURE = 'c2lnbmF0dXJl'

/** The pauses and faults that a script puts between deltas. */
async function beforeDelta({ wish, signal }: Speech, said: number, delayMs: number): Promise<void> {
  if (wish.has('crash_after') && said === wish.number('crash_after', 0)) die()
  if (wish.has('hang_after') && said === wish.number('hang_after', 0)) await waitForever(signal)
  if (wish.has('silent_ms') && said === wish.number('silent_after', 0)) await wait(wish.number('silent_ms', 0), signal)
  if (delayMs > 0) await wait(delayMs, signal)
  // A turn of the event loop now and then, or a long answer without pauses could not be interrupted.
  else if (said % 16 === 15) await new Promise(setImmediate)
  if (signal.aborted) throw new Interrupted()
}

function blankMessage(model: string) {
  return {
    id: `msg_${randomBytes(12).toString('hex')}`,
    type: 'message',
    role: 'assistant',
    model,
    content: [] as object[],
    stop_reason: null as string | null,
    stop_sequence: null,
  }
}

function emptyBlock(block: Block): object {
  if (block.kind === 'tool') return { type: 'tool_use', id: block.id, name: block.name, input: {} }
  return block.kind === 'thinking' ? { type: 'thinking', thinking: '', signature: '' } : { type: 'text', text: '' }
}

function finishedBlock(block: Block): object {
  if (block.kind === 'tool') return { type: 'tool_use', id: block.id, name: block.name, input: block.input }
  const text = block.parts.join('')
  return block.kind === 'thinking' ? { type: 'thinking', thinking: text, signature: SIGNATURE } : { type: 'text', text }
}

function deltaOf(kind: 'text' | 'thinking', part: string): object {
  return kind === 'thinking' ? { type: 'thinking_delta', thinking: part } : { type: 'text_delta', text: part }
}
