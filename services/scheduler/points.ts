/**
 * The moments at which a crash is most interesting. The service announces each as it passes; in production nobody
 * listens, in the crash tests a listener kills the process right there. Nothing else may hang on them.
 */
export const POINTS = [
  /** The rows of due moments and the next ones are on disk, nobody was told. */
  'claims_committed',
  /** A slot is free for a run, nothing was written down. */
  'before_begin',
  /** *running* is on disk, nothing was started. */
  'begin_committed',
  /** The folder of a command is there, nothing was started. */
  'folder_made',
  /** The command was started. */
  'command_started',
  /** The prompt was handed to sessions, the turn is not on disk. */
  'prompt_sent',
  /** The command, or the turn, has ended; the end is not on disk. */
  'before_end',
  /** The end is on disk, nobody was told. */
  'end_committed',
  /** A delivery was tried and has arrived, which is not on disk. */
  'result_delivered',
] as const

export type Point = (typeof POINTS)[number]

/** Hears of each point. */
export type At = (point: Point) => void
