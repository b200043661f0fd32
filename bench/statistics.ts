/** Figures of samples. */

/** The value below which the given share (0 to 1) of the samples lies: nearest rank. NaN without samples. */
export const quantile = (samples: readonly number[], share: number): number => {
  const sorted = [...samples].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

/** The mean of the two in the middle where there is no middle: the lower one alone would flatter whatever should be low. */
export const median = (samples: readonly number[]): number => {
  const sorted = [...samples].sort((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  return (upper + (sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN)) / 2
}

export const lowest = (samples: readonly number[]): number => quantile(samples, 0)

export const highest = (samples: readonly number[]): number => quantile(samples, 1)

/** What runs by turns. Each round asks every side once, in an order that turns round, so that a drift of the machine hits all. */
export const interleave = async <S extends string, R>(
  rounds: number,
  sides: Readonly<Record<S, (round: number) => Promise<R>>>,
): Promise<Record<S, R[]>> => {
  const names = Object.keys(sides) as S[]
  const found = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<S, R[]>
  for (let round = 0; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : [...names].reverse()) found[name].push(await sides[name](round))
  }
  return found
}
