/**
 * Event ids: `<agent>.<byte offset of the line>.<piece>`. They order all events of a turn, and folding the log again
 * gives the same ones (invariant C).
 *
 * Pieces share a line's offset in this order: what the service said before the line was read (0 and up), what the line
 * itself says (from FIRST_LINE_PIECE), and the end of the turn (END_PIECE).
 */

export const FIRST_LINE_PIECE = 100
export const END_PIECE = 999_999_999

/** An id as three numbers, for comparing. */
export type Position = readonly [agent: number, offset: number, piece: number]

export const toEventId = (agent: number, offset: number, piece: number): string => `${agent}.${offset}.${piece}`

/** The parts of an id that has the contract's pattern. */
export const parseEventId = (id: string): Position => {
  const [agent = 0, offset = 0, piece = 0] = id.split('.').map(Number)
  return [agent, offset, piece]
}

/** Below zero when `a` comes before `b`. */
export const comparePositions = (a: Position, b: Position): number => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]

/** Whether the event lies behind the position; all do when there is none. */
export const isBehind = (id: string, after: Position | null): boolean =>
  after === null || comparePositions(parseEventId(id), after) > 0
