/** What series must say, computed without them. */

/** One sample. */
export interface Raw {
  readonly at: number
  readonly value: number
}

/** What a step must say of raw samples, computed from them alone. */
export const expectedOf = (raw: readonly Raw[], width_ms: number) => {
  const groups = new Map<number, Raw[]>()
  for (const one of raw) {
    const begin = one.at - (one.at % width_ms)
    groups.set(begin, [...(groups.get(begin) ?? []), one])
  }
  return [...groups]
    .sort(([a], [b]) => a - b)
    .map(([at, group]) => {
      const values = group.map(({ value }) => value)
      const sum = values.reduce((a, b) => a + b, 0)
      return { at, samples: values.length, min: Math.min(...values), max: Math.max(...values), last: values.at(-1), sum }
    })
}
