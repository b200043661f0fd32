/** How long the logs of agents that have left are kept, and how much they may take together. */
import { rmSync, statSync } from 'node:fs'
import type { AgentFolder } from './agent/folder.ts'
import type { Store } from './store.ts'

export interface LogRetentionOptions {
  readonly store: Pick<Store, 'keptLogs' | 'logsGone'>
  readonly folder: (n: number) => AgentFolder
  readonly keep_ms: number
  readonly keep_bytes: number
}

/** Whoever follows a turn may not have come to its end when its agent leaves. */
const YOUNG_MS = 3_600_000
/** So many at a time: a log may have 64 MB, and turns wait meanwhile. */
const AT_A_TIME = 20

export class LogRetention {
  readonly #options: LogRetentionOptions
  /** What was looked at does not grow any more: its agent has left. */
  #sizes: ReadonlyMap<number, number> = new Map()

  constructor(options: LogRetentionOptions) {
    this.#options = options
  }

  /**
   * Deletes the logs of agents that left too long ago, and from the one on with which all newer ones take too much together;
   * some at a time, oldest first, for their size alone none of the last hour. Events of their turns are gone then, the turns
   * stay. Returns the numbers of these agents. @param now milliseconds since 1970
   */
  forget(now: number): number[] {
    const { store, folder, keep_ms, keep_bytes } = this.#options
    const sizes = new Map<number, number>()
    let bytes = 0
    const aged = store.keptLogs().filter(({ n, ended_at }) => {
      const size = this.#sizes.get(n) ?? this.#sizeOf(n)
      sizes.set(n, size)
      bytes += size
      return ended_at < now - keep_ms || (bytes > keep_bytes && ended_at < now - YOUNG_MS)
    })
    this.#sizes = sizes
    const numbers = aged.slice(-AT_A_TIME).map(({ n }) => n)
    for (const n of numbers) {
      rmSync(folder(n).path, { recursive: true, force: true })
      store.logsGone(n)
    }
    return numbers
  }

  #sizeOf(n: number): number {
    const folder = this.#options.folder(n)
    const sizes = (['out', 'err'] as const).map((name) => statSync(folder.file(name), { throwIfNoEntry: false })?.size ?? 0)
    return sizes.reduce((sum, size) => sum + size, 0)
  }
}
