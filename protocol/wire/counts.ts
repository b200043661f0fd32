/** What a service counts about its calls. */

export interface MethodCounts {
  readonly calls: number
  readonly failures: number
  /** From the start of the handlers to their end, summed. */
  readonly total_ms: number
  readonly max_ms: number
}

export interface Counts {
  /** Calls whose handler was started. */
  readonly calls: number
  /** Of those: the ones that did not end with an answer. */
  readonly failures: number
  /** Handlers that are running. */
  readonly in_flight: number
  /** Answered without a handler: unknown method, bad input, closing, too many. */
  readonly refused: number
  /** Dropped: meant for another connection, or given up by the caller before it could begin. */
  readonly stale: number
  /** Dropped: not one of our frames. */
  readonly malformed: number
  readonly methods: Readonly<Record<string, MethodCounts>>
}

type Open<T> = { -readonly [K in keyof T]: T[K] }

/** Counts from zero. `read` gives a copy. */
export const createCounts = () => {
  const totals = { calls: 0, failures: 0, in_flight: 0, refused: 0, stale: 0, malformed: 0 }
  const methods = new Map<string, Open<MethodCounts>>()
  const of = (name: string): Open<MethodCounts> => {
    const known = methods.get(name)
    if (known !== undefined) return known
    const fresh = { calls: 0, failures: 0, total_ms: 0, max_ms: 0 }
    methods.set(name, fresh)
    return fresh
  }
  return {
    totals,
    began: (name: string): void => {
      totals.calls += 1
      totals.in_flight += 1
      of(name).calls += 1
    },
    failed: (name: string): void => {
      totals.failures += 1
      of(name).failures += 1
    },
    ended: (name: string, took_ms: number): void => {
      totals.in_flight -= 1
      const method = of(name)
      method.total_ms += took_ms
      method.max_ms = Math.max(method.max_ms, took_ms)
    },
    read: (): Counts => ({ ...totals, methods: Object.fromEntries([...methods].map(([name, method]) => [name, { ...method }])) }),
  }
}
