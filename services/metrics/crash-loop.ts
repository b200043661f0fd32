/** Which processes die again and again, by how often PM2 has started them within the last minutes. */
import type { Pm2App } from '../runtime/watch/pm2.ts'
import type { MetricsStore, RestartsSeen } from './store.ts'

export interface CrashLoopRule {
  /** So many restarts … */
  readonly restarts: number
  /** … within this time. */
  readonly window_ms: number
}

/**
 * Follows PM2's counters. A counter that falls belongs to a process that was added anew, and is followed anew. What was seen is
 * kept, since metrics may be the one that dies.
 */
export class CrashLoops {
  readonly #rule: CrashLoopRule
  readonly #store: Pick<MetricsStore, 'keepRestarts'>
  readonly #seen = new Map<string, RestartsSeen[]>()

  constructor(rule: CrashLoopRule, store: Pick<MetricsStore, 'keepRestarts' | 'restarts'>) {
    this.#rule = rule
    this.#store = store
    for (const { name, ...seen } of store.restarts()) this.#seen.set(name, [...(this.#seen.get(name) ?? []), seen])
  }

  /** Takes what PM2 lists now. */
  see(apps: readonly Pick<Pm2App, 'name' | 'restarts'>[], now: number): void {
    this.#forget(now)
    for (const { name, restarts } of apps) {
      const before = this.#seen.get(name) ?? []
      const isSame = (before.at(-1)?.restarts ?? 0) <= restarts
      this.#seen.set(name, [...(isSame ? before : []), { at: now, restarts }])
    }
    // Behind all of them: a full disk must not keep a loop from being noticed.
    for (const { name } of apps) this.#store.keepRestarts(name, this.#seen.get(name) ?? [])
    this.#forget(now)
  }

  /** The processes that are in a loop, with how often each was started within the window. */
  looping(now: number): { readonly name: string; readonly restarts: number }[] {
    this.#forget(now)
    return [...this.#seen].flatMap(([name, seen]) => {
      const restarts = (seen.at(-1)?.restarts ?? 0) - (seen[0]?.restarts ?? 0)
      return restarts >= this.#rule.restarts ? [{ name, restarts }] : []
    })
  }

  /** Keeps one look from before the window: from there the restarts within it are counted. */
  #forget(now: number): void {
    const begin = now - this.#rule.window_ms
    for (const [name, seen] of this.#seen) {
      const first = seen.findLastIndex(({ at }) => at <= begin)
      if (first > 0) this.#seen.set(name, seen.slice(first))
    }
  }
}
