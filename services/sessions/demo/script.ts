/**
 * What a message makes the demo agent do when it is scripted (`DEMO_AGENT_SCRIPT=1`; grammar: `directives.ts`). A message without
 * directives obeys those of the file `.demo-agent` in the working directory, where there is one (for prompts that no test
 * writes: the next batch of a chain); else it is answered `echo: <text>`.
 *
 * | directive | effect |
 * |---|---|
 * | `tokens=N` `label=L` | answers `L t0 t1 … t<N-1>`, one delta a token |
 * | `size=N` | answers `x` N times, in deltas of 4,000 |
 * | `say="…"`, `empty` | answers this, or nothing |
 * | `thinking="…"` | a thinking block in front |
 * | `delay_ms=D` | pause before each delta |
 * | `stamp` | behind each delta, `@` and when it was written: microseconds of the clock that all processes of the machine share |
 * | `first_ms=D` | pause between the request and the first byte |
 * | `silent_ms=D` `silent_after=N` | one pause after N deltas (0) |
 * | `hang`, `hang_after=N` | no first byte; nothing more after N deltas |
 * | `tool=Bash` `command="…"` | a tool call first; Bash runs in a process session of its own and outlives a killed agent |
 * | `tool=Any` `tool_ms=D` | a tool call that runs nothing and takes D ms |
 * | `tool=AskUserQuestion` `question="…"` `choices="one\|other"` | asks for an opinion |
 * | `background` | the tool runs in the background; its end starts a turn of the agent's own |
 * | `own_turn_after_ms=D` | a background task that takes D ms and runs nothing |
 * | `own_tokens=N` `own_delay_ms=D` `own_label=L` | the answer in that turn |
 * | `supersede="…"` | half of the deltas, then a whole `assistant` line with this text instead |
 * | `retry=N` `retry_ms=D` | N `api_retry` lines, D ms apart |
 * | `api_error="…"` | the turn ends with this API error |
 * | `garbage`, `long_line=N` | lines that are no JSON, empty or unknown; a line of N bytes |
 * | `stderr="…"`, `stderr_flood=N` | to standard error, when the model has been asked |
 * | `crash=POINT`, `crash_after=N` | SIGKILL to itself at a point, or after N deltas |
 * | `exit=CODE` `at=POINT` | leaves with this status at a point (`seen`) |
 * | `no_result` | the turn ends without a `result` line, and without `completed` |
 * | `ignore_interrupt`, `ignore_term`, `ignore_eof` | does not react; the last two hold from this message on |
 *
 * Points, in order: `queued` `started` `init` `requesting` `seen` (the model has it, the journal says so) `first` (first byte) `text` (all
 * deltas) `assistant` `result` `completed`.
 */
import { existsSync, readFileSync } from 'node:fs'
import { type Directives, parseDirectives } from './directives.ts'
import { block, writeAll } from './output.ts'

export type Point =
  | 'queued'
  | 'started'
  | 'init'
  | 'requesting'
  | 'seen'
  | 'first'
  | 'text'
  | 'assistant'
  | 'result'
  | 'completed'

/** A content block of an answer; `parts` are its deltas. */
export type Block = { kind: 'text' | 'thinking'; parts: string[] } | { kind: 'tool'; id: string; name: string; input: object }

const NOTHING = parseDirectives('')

const SCRIPT_FILE = '.demo-agent'

/** The directives of a message; none when the agent is not scripted. */
export function readScript(text: string, scripted: boolean): Directives {
  if (!scripted) return NOTHING
  return parseDirectives(!text.includes('{{') && existsSync(SCRIPT_FILE) ? readFileSync(SCRIPT_FILE, 'utf8') : text)
}

/** The answer's blocks. `text` is what the message says beside its directives. */
export function composeAnswer(wish: Directives): Block[] {
  const thinking: Block[] = wish.has('thinking') ? [{ kind: 'thinking', parts: splitWords(wish.text('thinking')) }] : []
  if (wish.has('empty')) return thinking
  return [...thinking, { kind: 'text', parts: answerParts(wish) }]
}

/** The answer in a turn that the agent began by itself. */
export function composeOwnAnswer(wish: Directives): Block[] {
  return [{ kind: 'text', parts: tokenParts(wish.number('own_tokens', 2), wish.text('own_label', 'own')) }]
}

function answerParts(wish: Directives): string[] {
  if (wish.has('size')) return 'x'.repeat(wish.number('size', 0)).match(/.{1,4000}/g) ?? []
  if (wish.has('say')) return splitWords(wish.text('say'))
  if (wish.has('tokens')) return tokenParts(wish.number('tokens', 1), wish.text('label'))
  return splitWords(`echo: ${wish.rest}`)
}

/** `label t0 t1 …`, cut as it is streamed. */
export function tokenParts(count: number, label: string): string[] {
  const words = Array.from({ length: count }, (_, index) => `t${index}`)
  return (label === '' ? words : [label, ...words]).map((word, index) => (index === 0 ? word : ` ${word}`))
}

/** Cuts a text into words, each with the space in front of it. Nothing is lost: joined, they are the text. */
export function splitWords(text: string): string[] {
  return text.match(/\s*\S+\s*$|\s*\S+|\s+$/g) ?? []
}

/** Dies here when the script says so. */
export function reach(point: Point, wish: Directives): void {
  if (wish.text('crash') === point) die()
  if (wish.has('exit') && wish.text('at', 'seen') === point) {
    if (point !== 'seen') complain(wish)
    process.exit(wish.number('exit', 0))
  }
}

/** Writes what the script wants on standard error. */
export function complain(wish: Directives): void {
  if (wish.has('stderr')) writeAll(2, `${wish.text('stderr')}\n`)
  if (wish.has('stderr_flood')) writeAll(2, `${'e'.repeat(99)}\n`.repeat(Math.ceil(wish.number('stderr_flood', 0) / 100)))
}

/** SIGKILL to this process: no handler, no flush, no last word. */
export function die(): never {
  process.kill(process.pid, 'SIGKILL')
  for (;;) block(1_000)
}
