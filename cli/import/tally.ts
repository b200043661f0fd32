/** What became of one kind of things on the way over. */
export interface Tally {
  /** In the plural: `messages`. */
  readonly what: string
  found: number
  /** New here. */
  taken: number
  /** Here already, from an earlier import or otherwise. */
  known: number
  /** Not taken over, each with the reason. */
  readonly refused: string[]
  /** Taken over, and to be looked at. */
  readonly review: string[]
}

export const newTally = (what: string): Tally => ({ what, found: 0, taken: 0, known: 0, refused: [], review: [] })

/** Beyond it a list is told by its length. */
const MOST_LINES = 200

const listed = (title: string, lines: readonly string[]): string[] => {
  if (lines.length === 0) return []
  const more = lines.length > MOST_LINES ? [`    … and ${lines.length - MOST_LINES} more`] : []
  return [`  ${title}:`, ...lines.slice(0, MOST_LINES).map((line) => `    ${line}`), ...more]
}

/** A tally for a person. @param isDry whether it was only looked */
export const tallyLines = ({ what, found, taken, known, refused, review }: Tally, isDry: boolean): string[] => [
  isDry
    ? `${what}: ${found} found, ${found - known - refused.length} can be taken over${known === 0 ? '' : `, ${known} here already`}`
    : `${what}: ${found} found, ${taken} taken over, ${known} here already, ${refused.length} refused`,
  ...listed('to be looked at', review),
  ...listed('not taken over', refused),
]
