/**
 * Memory and processor of each agent over time. Agents come and go by the hundred, and each bears another number: in the database their
 * series would grow for ever. So they are kept here, for those that live and the last that did, and begin anew with this process.
 */
import type { AgentProcess, SeriesPoint, SeriesStep } from '../../protocol/metrics.ts'
import type { PointsQuery, SeriesRow } from './store.ts'

/** How many are kept; those that live before those that do not, then the latest. With all of them a day old: 7 MB. */
const MAX_AGENTS = 40
/** Points that are kept of a step: an hour of samples at their usual pace, a day, a week. Nobody lives for years. */
const RINGS = {
  sample: { width_ms: 1, points: 240 },
  minute: { width_ms: 60_000, points: 1_440 },
  hour: { width_ms: 3_600_000, points: 168 },
} as const satisfies Partial<Record<SeriesStep, { width_ms: number; points: number }>>
type RingStep = keyof typeof RINGS

/** What is kept of an agent: the end of the names of its series, and their units. */
const KINDS = {
  rss_bytes: { unit: 'bytes', of: (agent: AgentProcess) => agent.rss_bytes },
  cpu_percent: { unit: 'percent', of: (agent: AgentProcess) => agent.cpu_percent },
} as const
type Kind = keyof typeof KINDS

const STEPS = Object.keys(RINGS) as RingStep[]
const KIND_LIST = Object.keys(KINDS) as Kind[]

/** The newest points of one step, in columns: lists of plain numbers take a third of what objects do. */
class Ring {
  readonly #width_ms: number
  readonly #limit: number
  readonly #at: number[] = []
  readonly #samples: number[] = []
  readonly #total: number[] = []
  readonly #min: number[] = []
  readonly #max: number[] = []
  readonly #last: number[] = []

  constructor({ width_ms, points }: { readonly width_ms: number; readonly points: number }) {
    this.#width_ms = width_ms
    this.#limit = points
  }

  add(moment: number, value: number): void {
    const at = moment - (moment % this.#width_ms)
    const end = this.#at.length - 1
    if (this.#at[end] === at) {
      this.#samples[end] = (this.#samples[end] ?? 0) + 1
      this.#total[end] = (this.#total[end] ?? 0) + value
      this.#min[end] = Math.min(this.#min[end] ?? value, value)
      this.#max[end] = Math.max(this.#max[end] ?? value, value)
      this.#last[end] = value
      return
    }
    const columns = [this.#at, this.#samples, this.#total, this.#min, this.#max, this.#last]
    for (const [index, one] of [at, 1, value, value, value, value].entries()) columns[index]?.push(one)
    if (this.#at.length > this.#limit) for (const column of columns) column.shift()
  }

  /** Oldest first, the newest `limit` of [from, to). */
  points(from: number, to: number, limit: number): SeriesPoint[] {
    const found = this.#at.flatMap((at, index): SeriesPoint[] => {
      if (at < from || at >= to) return []
      const [samples, total] = [this.#samples[index] ?? 1, this.#total[index] ?? 0]
      const [min, max, last] = [this.#min[index] ?? 0, this.#max[index] ?? 0, this.#last[index] ?? 0]
      return [{ at, average: total / samples, min, max, last, samples }]
    })
    return found.slice(-limit)
  }

  get newest(): { readonly at: number; readonly value: number } | undefined {
    const [at, value] = [this.#at.at(-1), this.#last.at(-1)]
    return at === undefined || value === undefined ? undefined : { at, value }
  }
}

type Rings = Readonly<Record<Kind, Readonly<Record<RingStep, Ring>>>>

const makeRings = (): Rings => {
  const steps = (): Record<RingStep, Ring> => ({
    sample: new Ring(RINGS.sample),
    minute: new Ring(RINGS.minute),
    hour: new Ring(RINGS.hour),
  })
  return { rss_bytes: steps(), cpu_percent: steps() }
}

const NAME = /^agent\.(\d+)\.([a-z_]+)$/

export class AgentSeries {
  /** By the number of the agent; who was measured last stands last. */
  readonly #agents = new Map<number, Rings>()

  /** Keeps what was measured at one moment. */
  add(at: number, agents: readonly AgentProcess[]): void {
    for (const agent of agents.slice(0, MAX_AGENTS)) {
      const rings = this.#agents.get(agent.agent) ?? makeRings()
      this.#agents.delete(agent.agent)
      this.#agents.set(agent.agent, rings)
      for (const kind of KIND_LIST) for (const step of STEPS) rings[kind][step].add(at, KINDS[kind].of(agent))
    }
    for (const number of this.#agents.keys()) {
      if (this.#agents.size <= MAX_AGENTS) break
      this.#agents.delete(number)
    }
  }

  list(): SeriesRow[] {
    return [...this.#agents].flatMap(([number, rings]) =>
      KIND_LIST.flatMap((kind): SeriesRow[] => {
        const newest = rings[kind].sample.newest
        if (newest === undefined) return []
        return [{ name: `agent.${number}.${kind}`, unit: KINDS[kind].unit, last: newest.value, last_at: newest.at }]
      }),
    )
  }

  /** Undefined where the name is none of an agent that is known. */
  points({ name, step, from, to, limit }: PointsQuery): { readonly unit: string; readonly points: SeriesPoint[] } | undefined {
    const [, number = '', kind = ''] = NAME.exec(name) ?? []
    const rings = this.#agents.get(Number(number))
    if (number === '' || rings === undefined || !isKind(kind)) return undefined
    return { unit: KINDS[kind].unit, points: step === 'day' ? [] : rings[kind][step].points(from, to, limit) }
  }
}

const isKind = (text: string): text is Kind => Object.hasOwn(KINDS, text)
