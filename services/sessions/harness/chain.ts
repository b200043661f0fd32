/**
 * What follows a batch. A harness project is worked off batch by batch, each a turn in the background that is told to do the
 * next few tasks of `tasks.json` and to end with a marker (`markers.ts`). One batch after another is a *chain*. When a
 * batch has ended, this machine looks at how (its turn's state, its marker, the counts of `tasks.json` before and after) and
 * says what the person reads and what comes next. It remembers nothing: what it must know of the chain so far are four
 * numbers, which it hands on with the next batch.
 *
 *     the batch …                                      the chain …
 *     was cancelled                                     ends without a word: somebody asked for it
 *     failed, or expired before it began                ends: what broke once would break every 5 s
 *     was interrupted, and everything is done           ends as complete
 *     was interrupted                                   goes on, unless it is the third in a row
 *     says complete                                     ends
 *     says blocked                                      ends with the question
 *     says batch done                                   goes on
 *     says nothing, there is no `tasks.json`            ends: it was plain work
 *     says nothing, `tasks.json` has no tasks           goes on with the order to cut the work into tasks, three times at most
 *     says nothing, all tasks are done                  ends as complete
 *     says nothing, none is done, some are in progress  ends: it does not get anywhere
 *     says nothing                                      goes on
 *
 * Invariants:
 *
 * - **A** A chain ends: every batch is one deeper, and there are at most 100.
 * - **B** Only an answered batch is believed. A marker in what a failed or interrupted one had said so far counts for nothing.
 * - **C** A batch is never repeated. After an interrupted one the next batch is told so, and to look at the files first.
 * - **D** Two batches in a row that brought nothing end the chain, whatever their markers say. An interrupted one is none of
 *   them, and does not part two. That a plan came to be is progress.
 * - **E** The order to cut the work into tasks is given at most three times in a chain, not in a row.
 * - **F** What the batch answered, or why it failed, is delivered in full, whatever the note says.
 */
import type { TurnEnd } from '../rows.ts'
import { chainPrompt, decomposePrompt } from './chain-prompts.ts'
import { type Marker, withoutMarkers } from './markers.ts'
import { isAllDone, type TaskCounts } from './progress.ts'

/** How many batches a chain has, at most (the predecessor's limit). */
export const MAX_BATCHES = 100
/** How often a chain is told to cut its work into tasks (the predecessor's limit, which never applied there). */
export const MAX_DECOMPOSITIONS = 3
/** How many batches in a row may be interrupted, and bring nothing, until the chain ends. */
export const MAX_INTERRUPTIONS = 3
export const MAX_STALE = 2
/** The pause before the next batch: time to call it off, or to send a message first. The predecessor's. */
export const CHAIN_DELAY_MS = 5_000

/** What is known of a chain beside its files. All zero for the first batch. */
export interface ChainNumbers {
  /** How many batches came before. */
  readonly depth: number
  /** How many of them were told to cut the work into tasks. */
  readonly decompositions: number
  /** How many in a row, up to now, were interrupted. */
  readonly interruptions: number
  /** How many in a row, up to now, brought nothing. */
  readonly stale: number
}

/** A batch that has ended. */
export interface Batch extends ChainNumbers {
  readonly state: TurnEnd['state']
  readonly reply: string
  readonly reason: string | null
  /** Of the reply ({@link findMarker}). */
  readonly marker: Marker | null
  /** {@link doneBefore}, when the batch began. */
  readonly done_before: number | null
  /** The counts now; null when there is no harness, or none that can be read. */
  readonly after: TaskCounts | null
  /** Somebody asked to stop it, whatever became of it: its answer may have been there first. */
  readonly is_stopped: boolean
}

export interface NextBatch extends ChainNumbers {
  readonly kind: 'batch' | 'decompose'
  readonly prompt: string
  readonly delay_ms: number
}

/** What became of the chain: in a word, in a sentence for the person, and what comes next. */
export interface ChainStep {
  /** `plain`: it was none. `stuck`: no progress. `interrupted` may go on, `continues` does; all others have ended. */
  readonly outcome: 'plain' | 'complete' | 'continues' | 'blocked' | 'stuck' | 'limit' | 'failed' | 'cancelled' | 'interrupted'
  /** To be told before the text. */
  readonly note: string | null
  /** To be told in full; empty when the reply was nothing but a marker. */
  readonly text: string
  readonly next: NextBatch | null
}

/** The `done_before` of a batch that begins now: null while there is no plan, or one without tasks. */
export const doneBefore = (now: TaskCounts | null): number | null => (now !== null && now.total > 0 ? now.done : null)

const share = ({ done, total }: Pick<TaskCounts, 'done' | 'total'>): string => `${done}/${total}`
const standing = (after: TaskCounts | null): string => (after === null ? '' : ` (${share(after)} tasks done)`)

/** Whether the batch brought the work forward. */
const hasProgress = ({ done_before, after }: Batch): boolean =>
  after !== null && (done_before === null ? after.total > 0 : after.done > done_before)

type Verdict = Omit<ChainStep, 'text'>

const end = (outcome: ChainStep['outcome'], note: string | null): Verdict => ({ outcome, note, next: null })

const stuck = (counts: Pick<TaskCounts, 'done' | 'total'>): Verdict =>
  end('stuck', `⚠️ Harness batch completed but no progress detected (${share(counts)}). Check /status.`)

/** The chain goes on with one more batch, or ends at its limit (invariant A). */
const goOn = (
  batch: Batch,
  { kind = 'batch', note, ...changed }: Partial<ChainNumbers> & { readonly kind?: NextBatch['kind']; readonly note: string },
): Verdict => {
  const depth = batch.depth + 1
  if (depth >= MAX_BATCHES) {
    const limit = `🛑 Harness stopped after ${MAX_BATCHES} batches, the limit of one chain${standing(batch.after)}. Send /resume to go on.`
    return end('limit', limit)
  }
  const isInterrupted = batch.state === 'interrupted'
  const numbers = { decompositions: batch.decompositions, interruptions: 0, stale: batch.stale, ...changed, depth }
  const prompt = kind === 'decompose' ? decomposePrompt() : chainPrompt({ isInterrupted })
  const next = { kind, prompt, ...numbers, delay_ms: CHAIN_DELAY_MS }
  return { outcome: isInterrupted ? 'interrupted' : 'continues', note, next }
}

/** One more batch after one that was answered, unless it is the second to bring nothing (invariant D). */
const nextBatch = (batch: Batch, counts: Pick<TaskCounts, 'done' | 'total'>, note: string): Verdict => {
  const stale = hasProgress(batch) ? 0 : batch.stale + 1
  return stale >= MAX_STALE ? stuck(counts) : goOn(batch, { note, stale })
}

const afterMarker = (batch: Batch, marker: Marker): Verdict => {
  const { after } = batch
  switch (marker.kind) {
    case 'complete':
      return after === null || isAllDone(after)
        ? end('complete', '✅ Harness loop complete! All tasks finished.')
        : end('complete', `⚠️ Harness loop ended as complete, but tasks.json counts ${share(after)} done. Check /status.`)
    case 'blocked': {
      const why = marker.reason || 'no reason given'
      return end('blocked', `🚫 Harness blocked on task ${marker.task_id}: ${why}\nSend a message to unblock.`)
    }
    case 'batch_done': {
      const said = `${marker.phase}: ${share(marker)} tasks complete`
      const note = `📊 Batch done — ${said}. Chaining next batch (depth ${batch.depth + 1})...`
      return nextBatch(batch, after ?? marker, note)
    }
  }
}

const confirmed = ({ total }: TaskCounts): string =>
  `✅ Harness loop complete! All ${total} tasks finished. (Marker was missing but tasks.json confirms completion.)`

const afterDecomposition = (batch: Batch): Verdict => {
  if (batch.decompositions >= MAX_DECOMPOSITIONS) {
    const note = `⚠️ tasks.json still has 0 tasks after ${MAX_DECOMPOSITIONS} attempts at task decomposition. Say what is to be done, step by step.`
    return end('stuck', note)
  }
  const decompositions = batch.decompositions + 1
  const note = `📋 tasks.json has 0 tasks — triggering task decomposition (attempt ${decompositions}/${MAX_DECOMPOSITIONS})...`
  return goOn(batch, { kind: 'decompose', decompositions, note })
}

const withoutMarker = (batch: Batch): Verdict => {
  const { after, done_before } = batch
  if (after === null) {
    const isLost = done_before !== null || batch.depth > 0
    return end('plain', isLost ? '⚠️ tasks.json can no longer be read, so the chain ends here. Check /status.' : null)
  }
  if (after.total === 0) return afterDecomposition(batch)
  if (isAllDone(after)) return end('complete', confirmed(after))
  if (after.done === 0 && after.in_progress > 0) return stuck(after)
  return nextBatch(batch, after, `📊 Batch completed (no marker). tasks.json: ${share(after)} done. Auto-chaining...`)
}

/** Whether it was a batch at all, or plain work in the background. */
const isOfChain = ({ depth, done_before, after }: Batch): boolean => depth > 0 || done_before !== null || after !== null

const afterInterruption = (batch: Batch): Verdict => {
  const { after, reason } = batch
  if (!isOfChain(batch)) return end('interrupted', null)
  if (after !== null && isAllDone(after)) return end('complete', confirmed(after))
  const interruptions = batch.interruptions + 1
  const why = reason === null ? '' : ` (${reason})`
  if (interruptions >= MAX_INTERRUPTIONS) {
    const note = `🛑 Harness stopped: ${interruptions} batches in a row were interrupted, the last one just now${why}. Send /resume to go on.`
    return end('interrupted', note)
  }
  const note = `⚡ Harness batch interrupted${why}. It is not run again; chaining next batch (depth ${batch.depth + 1})...`
  return goOn(batch, { interruptions, stale: hasProgress(batch) ? 0 : batch.stale, note })
}

const verdictOf = (batch: Batch): Verdict => {
  switch (batch.state) {
    case 'cancelled':
      return end('cancelled', null)
    case 'failed':
    case 'expired': {
      const note = `❌ Harness batch failed and the chain stopped${standing(batch.after)}. Send /resume once the cause is gone.`
      return end('failed', isOfChain(batch) ? note : null)
    }
    case 'interrupted':
      return afterInterruption(batch)
    case 'answered':
      return batch.marker ? afterMarker(batch, batch.marker) : withoutMarker(batch)
  }
}

const STOPPED = end('cancelled', '🛑 Stopped on request: no further batch is begun. Send /resume to go on.')

const unlessStopped = (batch: Batch, verdict: Verdict): Verdict => (batch.is_stopped && verdict.next !== null ? STOPPED : verdict)

/** What follows a batch that has ended. */
export const nextStep = (batch: Batch): ChainStep => ({
  ...unlessStopped(batch, verdictOf(batch)),
  text: withoutMarkers(batch.reply) || (batch.state === 'answered' ? '' : (batch.reason ?? '')),
})
