/**
 * The moments at which a crash is most interesting. The service announces each as it passes; in production nobody
 * listens, in the crash tests a listener kills the process right there. Nothing else may hang on them.
 */
export const POINTS = [
  /** The message is on disk, the caller does not know yet. */
  'turn_committed',
  /** The agent was chosen, nothing was written down. */
  'before_handing',
  /** *handing* is on disk, nothing was written to the agent. */
  'handing_committed',
  /** The whole line is in the FIFO, *handed* is not on disk. */
  'line_written',
  /** *handed* is on disk. */
  'handed_committed',
  /** The CLI has shown that it has the message. */
  'proof_seen',
  /** The first words of the answer were folded. */
  'first_text',
  /** The result was folded, the end is not on disk. */
  'result_seen',
  /** The end is on disk, nobody was told. */
  'end_committed',
  /** History has the records, the outbox still has them, too. */
  'outbox_sent',
] as const

/** The same for what tasks add: their chains and their delivery. */
export const TASK_POINTS = [
  /** The next batch of a chain is written, in a transaction that is not committed yet. */
  'batch_written',
  /** A message of Telegram is due, nothing says so yet. */
  'before_attempt',
  /** The attempt is on disk, nothing was sent. */
  'attempt_committed',
  /** Telegram has answered, nothing says so yet. */
  'api_answered',
  /** What came of the attempt is on disk. */
  'attempt_ended',
] as const

/** The same for permissions that agents ask for. */
export const APPROVAL_POINTS = [
  /** The decision is on disk, the agent does not know. */
  'decision_committed',
  /** The agent was told, nothing says so yet. */
  'decision_written',
] as const

export type Point = (typeof POINTS | typeof TASK_POINTS | typeof APPROVAL_POINTS)[number]

/** Hears of each point. */
export type At = (point: Point, turnId?: string) => void
