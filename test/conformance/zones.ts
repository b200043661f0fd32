/** Which zones are checked, and over which years. */
import { type Transition, transitionsOf } from './reference.ts'

/** Ten years, as the cron package looks no further than eight years ahead of the present day. */
export const FIRST_YEAR = 2024
export const YEARS = 10

export const allZones = (): string[] => Intl.supportedValuesOf('timeZone')

/** The transitions of each zone that has any. */
export const transitionsByZone = (zones: readonly string[], first = FIRST_YEAR, years = YEARS): Map<string, Transition[]> => {
  const found = new Map<string, Transition[]>()
  for (const zone of zones) {
    const transitions = transitionsOf(zone, Date.UTC(first, 0, 1), Date.UTC(first + years, 0, 1))
    if (transitions.length > 0) found.set(zone, transitions)
  }
  return found
}

/** One zone for each distinct set of transitions: the same clocks under another name need no second look. */
export const distinct = (byZone: ReadonlyMap<string, readonly Transition[]>): string[] => {
  const seen = new Map<string, string>()
  for (const [zone, transitions] of byZone) {
    const key = transitions.map(({ instant, step }) => `${instant} ${step}`).join()
    if (!seen.has(key)) seen.set(key, zone)
  }
  return [...seen.values()]
}
