/**
 * The moments at which a crash is most interesting. The service announces each as it passes; in production nobody
 * listens, in the crash tests a listener kills the process right there. Nothing else may hang on them.
 */
export const POINTS = [
  /** The order is on disk, nothing was begun. */
  'ordered',
  /** *_noted: the folder of a program is on disk, nothing was started. Behind each: it has ended, which is not on disk. */
  'gather_noted',
  'gathered',
  'write_noted',
  'written',
  'typeset_noted',
  'typeset',
  /** The PDF was looked at, which is not on disk. */
  'proofed',
  /** The mail is on disk, nothing has left. */
  'mail_noted',
  /** All but the end of the message may have left. */
  'mail_streamed',
  /** That the end leaves now is on disk, and it has not left. */
  'mail_handing',
  /** It was taken, which is not on disk. */
  'mail_taken',
  /** The end is on disk, nobody was told. */
  'ended',
] as const

export type Point = (typeof POINTS)[number]

/** Hears of each point. */
export type At = (point: Point) => void
