/** Our processes and the agents: what the watchdog's pings, PM2 and the system tell of each, put together. */
import pidusage from 'pidusage'
import type { AgentProcess, ServiceProcess } from '../../protocol/metrics.ts'
import type { Log } from '../runtime/log.ts'
import type { Pm2, Pm2App } from '../runtime/watch/pm2.ts'
import type { Watched } from '../runtime/watch/watchdog.ts'
import { type AgentPid, type Agents, isItself } from './agents.ts'

/** PM2 is asked that often while all is well: each question starts a program. */
const ASK_PM2_MS = 300_000
/** And that often while somebody is away. */
const ASK_PM2_DOWN_MS = 5_000

export interface ProcessesOptions {
  /** How the processes are doing that are watched; the lateness of their loops is gathered anew from there. */
  readonly take: () => Watched[]
  readonly pm2: Pick<Pm2, 'list' | 'isThere'>
  readonly agents: Pick<Agents, 'list'>
  readonly log: Log
  /** Hears of what PM2 lists, each time it was asked. */
  readonly onApps?: (apps: readonly Pm2App[]) => void
  readonly now?: () => number
}

export interface ProcessSample {
  readonly services: ServiceProcess[]
  readonly agents: AgentProcess[]
  readonly sampled_at: number
}

interface Usage {
  readonly cpu: number
  readonly memory: number
  readonly elapsed: number
}

export class Processes {
  readonly #options: ProcessesOptions
  readonly #now: () => number
  #apps: readonly Pm2App[] = []
  #asked_at = Number.NEGATIVE_INFINITY
  /** Of each process the instance that answered last; another one means that PM2 has counted on. */
  readonly #instances = new Map<string, string>()

  constructor(options: ProcessesOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  async sample(): Promise<ProcessSample> {
    const now = this.#now()
    const watched = this.#options.take()
    await this.#askPm2(watched)
    const agents = this.#listAgents()
    const usage = await this.#usageOf([...watched.flatMap(({ pong }) => pong?.pid ?? []), ...agents.map(({ pid }) => pid)])
    return {
      services: watched.map((one) => this.#toService(one, usage)),
      agents: agents.flatMap((agent) => {
        const use = usage.get(agent.pid)
        if (use === undefined || !isItself(agent, use.elapsed, now)) return []
        return [{ agent: agent.agent, pid: agent.pid, cpu_percent: use.cpu, rss_bytes: use.memory, uptime_ms: use.elapsed }]
      }),
      sampled_at: now,
    }
  }

  /** pidusage keeps the files of processes open to be faster. */
  close(): void {
    pidusage.clear()
  }

  #listAgents(): AgentPid[] {
    try {
      return this.#options.agents.list()
    } catch (error) {
      this.#options.log.warn({ err: error }, 'The folder of agents could not be read; none is told of')
      return []
    }
  }

  #toService({ name, state, pong, loop_lag_ms }: Watched, usage: ReadonlyMap<number, Usage>): ServiceProcess {
    const app = this.#apps.find((each) => each.name === name)
    const isUp = state === 'up'
    const isThere = isUp || state === 'silent'
    const use = isThere && pong !== null ? usage.get(pong.pid) : undefined
    return {
      service: name,
      state: state === 'unknown' ? 'down' : state,
      pid: isThere ? (pong?.pid ?? null) : null,
      cpu_percent: use?.cpu ?? null,
      rss_bytes: use?.memory ?? null,
      uptime_ms: use?.elapsed ?? null,
      restarts: app?.restarts ?? null,
      loop_lag_ms: isUp ? Math.round(loop_lag_ms * 10) / 10 : null,
      calls: isUp ? (pong?.calls ?? null) : null,
      failures: isUp ? (pong?.failures ?? null) : null,
      in_flight: isUp ? (pong?.in_flight ?? null) : null,
    }
  }

  async #askPm2(watched: readonly Watched[]): Promise<void> {
    const { pm2, log, onApps } = this.#options
    let isNews = this.#asked_at === Number.NEGATIVE_INFINITY
    for (const { name, pong } of watched) {
      if (pong === null || this.#instances.get(name) === pong.instance) continue
      this.#instances.set(name, pong.instance)
      isNews = true
    }
    const pause_ms = isNews ? 0 : watched.every(({ state }) => state === 'up') ? ASK_PM2_MS : ASK_PM2_DOWN_MS
    if (performance.now() - this.#asked_at < pause_ms || !pm2.isThere) return
    this.#asked_at = performance.now()
    try {
      this.#apps = await pm2.list()
      onApps?.(this.#apps)
    } catch (error) {
      log.warn({ err: error }, 'PM2 could not be asked for its list; restarts are as they were known last')
    }
  }

  async #usageOf(pids: readonly number[]): Promise<Map<number, Usage>> {
    const asked = [...new Set(pids)]
    if (asked.length === 0) return new Map()
    try {
      // Where all of them have gone it is an error; where some have, they are null.
      const found = (await pidusage(asked)) as unknown as Readonly<Record<string, Usage | null>>
      return new Map(
        Object.entries(found).flatMap(([pid, use]) =>
          use == null ? [] : [[Number(pid), { ...use, cpu: Math.max(0, Math.round(use.cpu * 10) / 10) }] as const],
        ),
      )
    } catch (error) {
      this.#options.log.debug({ err: error }, 'No process could be measured')
      return new Map()
    }
  }
}
