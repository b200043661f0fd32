/**
 * What an agent does of its own accord: tools that run in the background, and the turns that the CLI begins by itself
 * when one of them ends (`claude-cli.md` 5). Fed with every line of the log, beside the fold of our own turn.
 */
import type { LogLine } from './log.ts'
import { type FoldResult, resultOf } from './result.ts'
import { asRecord, asText, type Json } from './stream-json.ts'

/** A turn that the CLI began by itself and has ended. */
export interface OwnTurn {
  readonly start_offset: number
  readonly end_offset: number
  readonly result: FoldResult
}

const ENDED = new Set(['completed', 'failed', 'killed', 'stopped', 'cancelled'])

export class OwnTurns {
  readonly #tools = new Set<string>()
  #announcedAt: number | null = null
  #isRunning = false
  #model: string | null = null

  /** Whether a tool still runs in the background: such an agent is not idle. */
  get hasOpenTools(): boolean {
    return this.#tools.size > 0
  }

  /** Whether the CLI is in a turn of its own. */
  get isRunning(): boolean {
    return this.#isRunning
  }

  /** @param isOurs whether the line belongs to the turn that we handed over */
  push(line: LogLine, json: Json, isOurs: boolean): OwnTurn | null {
    if (json.type === 'system') this.#onSystem(line, json, isOurs)
    if (json.type !== 'result') return null
    const start = this.#announcedAt ?? line.offset
    this.#announcedAt = null
    this.#isRunning = false
    if (isOurs) return null
    return { start_offset: start, end_offset: line.offset, result: resultOf(json, '', this.#model) }
  }

  #onSystem(line: LogLine, json: Json, isOurs: boolean): void {
    const task = asText(json.task_id)
    switch (json.subtype) {
      case 'task_started':
        if (task !== null) this.#tools.add(task)
        break
      case 'task_updated':
        if (task !== null && ENDED.has(asText(asRecord(json.patch).status) ?? '')) this.#tools.delete(task)
        break
      case 'task_notification':
        if (task !== null) this.#tools.delete(task)
        // The turn that follows begins here, unless it is told within a turn of ours.
        if (!isOurs) this.#announcedAt ??= line.offset
        break
      case 'init':
        this.#model = asText(json.model)
        if (!isOurs && this.#announcedAt !== null) this.#isRunning = true
        break
    }
  }
}
