/** Joins lists that cannot be compared by their figures: reciprocal rank fusion, each place weighed. */

/** From Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet…", SIGIR 2009, who found 60 by trial. */
const K = 60

/** Who is at a place of a list, and how much that place counts, 0 to 1. */
export interface Placed {
  readonly id: number
  readonly weight: number
}

/** The score of each that is in one of the lists, best first; equal scores stand in the order of the first list. */
export const fuse = (lists: readonly (readonly Placed[])[]): Map<number, number> => {
  const scores = new Map<number, number>()
  for (const list of lists) {
    for (const [index, { id, weight }] of list.entries()) scores.set(id, (scores.get(id) ?? 0) + weight / (K + index + 1))
  }
  return new Map([...scores].sort(([, a], [, b]) => b - a))
}
