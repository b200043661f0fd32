/**
 * The watchdog. PM2 brings back what has died and does not notice what hangs, so every process of ours is pinged by another:
 * all by metrics, metrics by the edge.
 *
 * States of a watched process: *unknown* (not looked at yet) → *up* (it answered) ⇄ *silent* (it is there, and a ping was not
 * answered) or *down* (nobody is there; PM2 starts it). A process that is silent for longer than the patience *hangs*: what
 * it was doing is written down, it is ended with SIGKILL through PM2's command line, and PM2 starts it anew. SIGKILL at once,
 * because whoever does not answer a ping hears no other signal: PM2's own restart would wait for its `kill_timeout` in vain.
 *
 * - **A** Silence counts only while we are awake ourselves. After a pause of our own (the machine slept, we were stopped)
 *   every clock begins anew.
 * - **B** Each hang is answered once: until the process has answered again, or a minute has passed, it is left alone.
 * - **C** Who is down is not restarted by us, and neither is what PM2 lists as stopped: somebody wanted that.
 * - **D** Without PM2 nobody is ended, since nobody would start it again; the dump is written all the same.
 */
import type { ServiceError } from '../../../protocol/errors.ts'
import type { Pong } from '../../../protocol/wire/frames.ts'
import type { Log } from '../log.ts'
import { writeDump } from './dump.ts'
import type { Pm2, Pm2App } from './pm2.ts'

const EVERY_MS = 1_000
/** How long one ping may take; a loop that is late by less is no news. */
const PING_MS = 2_000
/** A tick that comes so late was not late by itself: we were asleep (A). */
const ASLEEP_MS = 3_000
const AGAIN_MS = 60_000

export type WatchState = 'unknown' | 'up' | 'silent' | 'down'

/** What is known of a watched process. */
export interface Watched {
  readonly name: string
  readonly state: WatchState
  /** For how long it has been in that state, in milliseconds. */
  readonly for_ms: number
  /** It has been silent for longer than the patience. */
  readonly hangs: boolean
  /** What it said of itself last. */
  readonly pong: Pong | null
  /** The latest that its event loop was since it was taken last, in milliseconds. */
  readonly loop_lag_ms: number
}

export interface WatchdogOptions {
  readonly names: readonly string[]
  readonly ping: (name: string, patience_ms: number) => Promise<Pong>
  /** After so long a silence a process hangs; 0: nobody is ended. */
  readonly patience_ms: number
  readonly pm2: Pm2
  /** `logs`: the log of each process. `dumps`: what hanging ones were doing. */
  readonly folders: { readonly logs: string; readonly dumps: string }
  readonly log: Log
  /** Hears of a hang with what was done about it, in words. */
  readonly onHang?: (name: string, message: string) => void
  /** Hears of a process that answers for the first time, or again. */
  readonly onUp?: (name: string) => void
  /** Shorter ones, for tests. */
  readonly every_ms?: number
  readonly ping_ms?: number
}

interface Target {
  readonly name: string
  state: WatchState
  /** On our monotonic clock. */
  since: number
  answered_at: number
  /** Left alone until then (B). */
  leave_until: number
  asking: boolean
  hangs: boolean
  pong: Pong | null
  lag_ms: number
  /** What PM2 lists, asked when the silence began: its answer takes a second on a busy machine. */
  listing: Promise<readonly Pm2App[]> | undefined
}

export class Watchdog {
  readonly #options: WatchdogOptions
  readonly #targets: readonly Target[]
  readonly #working = new Set<Promise<void>>()
  #timer: NodeJS.Timeout | undefined
  #ticked_at = performance.now()
  #closed = false
  #lookedAtAll: () => void = () => undefined
  /** Resolves when each of them has answered, or failed to, for the first time. */
  readonly looked = new Promise<void>((resolve) => {
    this.#lookedAtAll = resolve
  })

  constructor(options: WatchdogOptions) {
    this.#options = options
    const now = performance.now()
    this.#targets = options.names.map((name) => ({
      ...{ name, state: 'unknown' as const, since: now, answered_at: now, leave_until: 0 },
      ...{ asking: false, hangs: false, pong: null, lag_ms: 0, listing: undefined },
    }))
  }

  start(): void {
    this.#ticked_at = performance.now()
    this.#timer ??= setInterval(() => this.#tick(), this.#options.every_ms ?? EVERY_MS)
    this.#tick()
  }

  /** Lets go of the clock and waits for what is being done about a hang. */
  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#timer)
    await Promise.allSettled(this.#working)
  }

  /** How all of them are doing. */
  read(): Watched[] {
    const now = performance.now()
    return this.#targets.map(({ name, state, since, hangs, pong, lag_ms }) => ({
      ...{ name, state, hangs, pong, for_ms: now - since, loop_lag_ms: lag_ms },
    }))
  }

  /** The same, and the lateness of event loops is gathered anew from here on. */
  take(): Watched[] {
    const all = this.read()
    for (const target of this.#targets) target.lag_ms = 0
    return all
  }

  #tick(): void {
    const now = performance.now()
    const late = now - this.#ticked_at - (this.#options.every_ms ?? EVERY_MS)
    this.#ticked_at = now
    for (const target of this.#targets) {
      // (A)
      if (late > ASLEEP_MS) target.answered_at = now
      if (!target.asking) void this.#ask(target)
      this.#judge(target, now)
    }
  }

  async #ask(target: Target): Promise<void> {
    target.asking = true
    try {
      const pong = await this.#options.ping(target.name, this.#options.ping_ms ?? PING_MS)
      target.pong = pong
      target.lag_ms = Math.max(target.lag_ms, pong.loop_lag_ms)
      target.answered_at = performance.now()
      target.leave_until = 0
      target.hangs = false
      this.#enter(target, 'up')
    } catch (error) {
      const isThere = (error as ServiceError).code === 'timeout'
      // Who is not there is not silent: the clock of silence begins when it comes back (C).
      if (!isThere) target.answered_at = performance.now()
      this.#enter(target, isThere ? 'silent' : 'down')
    } finally {
      target.asking = false
    }
  }

  #enter(target: Target, state: WatchState): void {
    if (this.#closed || target.state === state) return
    const { log } = this.#options
    const was = target.state
    target.state = state
    target.since = performance.now()
    if (this.#targets.every((each) => each.state !== 'unknown')) this.#lookedAtAll()
    if (state === 'up') this.#options.onUp?.(target.name)
    if (state === 'up' && was !== 'unknown') log.info({ process: target.name, was }, 'A process answers again')
    target.listing = undefined
    if (state === 'silent' && this.#options.patience_ms > 0) {
      target.listing = this.#options.pm2.list()
      // Whoever needs the answer sees the failure.
      target.listing.catch(() => undefined)
    }
    if (state === 'silent') log.warn({ process: target.name }, 'A process is there and does not answer')
    if (state === 'down') log.warn({ process: target.name }, 'A process is not there')
  }

  #judge(target: Target, now: number): void {
    const { patience_ms } = this.#options
    const silent_ms = now - target.answered_at
    if (patience_ms === 0 || target.state !== 'silent' || silent_ms < patience_ms) return
    target.hangs = true
    if (now < target.leave_until) return
    // (B)
    target.leave_until = now + AGAIN_MS
    const work = this.#end(target, silent_ms).catch((error: unknown) => {
      this.#options.log.error({ err: error, process: target.name }, 'A process that hangs could not be restarted')
    })
    this.#working.add(work)
    void work.finally(() => this.#working.delete(work))
  }

  async #end(target: Target, silent_ms: number): Promise<void> {
    const { pm2, log, folders, onHang } = this.#options
    const { name, pong } = target
    const reason = `${name} is there and has not answered for ${(silent_ms / 1_000).toFixed(1)} s`
    const listing = target.listing ?? pm2.list()
    // A list that could not be had is asked for anew the next time.
    target.listing = undefined
    const apps = await listing
    const app = apps.find((each) => each.name === name)
    const pid = app?.pid ?? pong?.pid ?? 0
    let dump: string | null = null
    try {
      dump = writeDump({ folder: folders.dumps, logs: folders.logs, name, pid, reason, pong, now: Date.now() })
    } catch (error) {
      // The disk is full, say: that must not keep it hanging.
      log.error({ err: error, process: name }, 'What a process that hangs was doing could not be written down')
    }
    const tell = (what: string): void => {
      log.error({ process: name, pid, dump }, `${reason}: ${what}`)
      onHang?.(name, `${reason}: ${what}. What it was doing ${dump === null ? 'could not be written down' : `stands in ${dump}`}`)
    }
    // (D), (C); and it may have found its tongue while PM2 was asked.
    if (app === undefined) return tell('it is not under PM2, so it is left alone; restart it by hand')
    if (app.pid === 0 || target.state !== 'silent') return
    tell('it is ended and started anew')
    await pm2.kill(app.id)
  }
}
