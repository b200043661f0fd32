/** One soak: all kinds of work at once, for a time, on a Switchboard that nobody kills; then what has grown, and what was lost. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Scope } from '../../bench/scope.ts'
import { openLink, type WireLink } from '../../protocol/wire/link.ts'
import { chatsOf } from '../crash/matrix/loads/chats.ts'
import { jobs } from '../crash/matrix/loads/jobs.ts'
import { ask, type Faults, type Load } from '../crash/matrix/loads/load.ts'
import { memoriesOf } from '../crash/matrix/loads/memories.ts'
import { tasks } from '../crash/matrix/loads/tasks.ts'
import { brokenDatabases } from '../crash/matrix/look.ts'
import { SETTLE_MS, within } from '../crash/matrix/part.ts'
import { openSurroundings, type Surroundings } from '../crash/matrix/surroundings.ts'
import { linesOf, SERVICES } from '../crash/run/orders.ts'
import { createRandom } from '../crash/run/random.ts'
import type { SoakArguments } from './arguments.ts'
import type { Verdict } from './judge.ts'
import { restarted, type Sample, takeSample, verdictsOf } from './samples.ts'
import { slowClient } from './slow-client.ts'
import { webSocketChats } from './web-socket-chat.ts'

export interface SoakOptions extends SoakArguments {
  readonly print: (line: string) => void
}

export interface Soak {
  readonly verdicts: readonly Verdict[]
  readonly faults: Omit<Faults, 'notes'> & { readonly orphans: number; readonly corrupt: number }
  readonly notes: readonly string[]
  readonly prompts: number
  readonly commands: number
  readonly samples: number
}

const MINUTE_MS = 60_000
const SAMPLE_MS = 3_000
/** A turn of the chats by server-sent events begins so often, a task and a look at the metrics as well. */
const TURN_MS = 700
const TASK_MS = 10_000
const METRICS_MS = 5_000
const CHATS = 6
const WEB_SOCKET_CHATS = 4
/** As on a small box: the bound is reached within a minute, and from then on agents come and go. */
const SETTINGS = {
  GATEWAY_MAX_WARM_AGENTS: '12',
  GATEWAY_MAX_CLAUDE_PROCESSES: '12',
  GATEWAY_MAX_BACKGROUND_TASKS: '3',
  CRON_KEEP_RUNS: '1000000',
}

const KEEPING = { edge: { script: 'test/soak/keeping-main.js' } }

const beginAll = async (
  at: Surroundings,
  { minutes, seed }: SoakOptions,
): Promise<{ loads: Load[]; chats: Load; tasks: Load }> => {
  const random = createRandom(seed)
  const turns = Math.floor((minutes * MINUTE_MS) / TURN_MS)
  const chats = await chatsOf({ turns, chats: CHATS })(at, 'soak', random)
  const background = await tasks(at, 'soakt', random)
  const others = [
    await jobs(at, 'soakj', random),
    await memoriesOf({ pause_ms: 500, keys: 100 })(at, 'soakm', random),
    await webSocketChats(at, 'soak', WEB_SOCKET_CHATS),
    slowClient(at, 'soak'),
  ]
  return { loads: [chats, background, ...others], chats, tasks: background }
}

/** Calls again and again until told to stop; what fails is told. */
const every = (ms: number, work: () => unknown, onError: (error: Error) => void): NodeJS.Timeout =>
  setInterval(() => {
    void (async () => work())().catch(onError)
  }, ms)

const linksOf = (scope: Scope, run_dir: string): ReadonlyMap<string, WireLink> =>
  new Map(
    SERVICES.map((service) => {
      const link = openLink({ run_dir, service })
      scope.after(() => link.close())
      return [service, link]
    }),
  )

const tallyOf = async (loads: readonly Load[]): Promise<Faults> => {
  const found = await Promise.all(loads.map((load) => load.count([])))
  const sum = (kind: 'lost' | 'doubled' | 'run_twice'): number => found.reduce((total, faults) => total + faults[kind], 0)
  return {
    lost: sum('lost'),
    doubled: sum('doubled'),
    run_twice: sum('run_twice'),
    notes: found.flatMap(({ notes }) => notes),
  }
}

export const soak = (options: SoakOptions): Promise<Soak> =>
  within(async (scope) => {
    const { minutes, isBroken, print } = options
    const at = await openSurroundings(scope, { env: SETTINGS, equip: () => ({ apps: isBroken ? KEEPING : {} }) })
    const { files } = at.house
    await at.house.start()
    const links = linksOf(scope, join(files.home, 'run'))
    const notes: string[] = []
    const onError = (error: Error): void => void notes.push(error.message)
    const { loads, chats, tasks: background } = await beginAll(at, options)
    const timers = [
      every(TURN_MS, () => chats.more(), onError),
      every(TASK_MS, () => background.more(), onError),
      every(METRICS_MS, () => ask(at.house.url, '/api/metrics', { patience_ms: METRICS_MS }), onError),
    ]
    scope.after(() => {
      for (const timer of timers) clearInterval(timer)
    })
    const samples: Sample[] = []
    const prompts = (): number => linesOf(files.journal).length
    const until = performance.now() + minutes * MINUTE_MS
    for (let next = performance.now(); performance.now() < until; next += SAMPLE_MS) {
      const sample = await takeSample(files, links, prompts() + at.commands.lines().length)
      samples.push(sample)
      if (samples.length % 20 === 0) {
        const memory = Object.entries(sample.services).map(([name, { pss_mb }]) => `${name} ${Math.round(pss_mb)}`)
        const left = Math.max(0, Math.round((until - performance.now()) / 1_000))
        print(
          `${prompts()} prompts, ${sample.processes} processes, ${Math.round(sample.disk_mb)} MB on disk; MB of memory: ${memory.join(', ')}; ${left} s left`,
        )
      }
      await sleep(Math.max(0, next + SAMPLE_MS - performance.now()))
    }
    for (const timer of timers) clearInterval(timer)
    print('the time is over; what was begun comes to its end')
    await Promise.all(loads.map((load) => load.end()))
    const faults = await tallyOf(loads)
    const broken = brokenDatabases(files.home)
    const left = await at.house.down(SETTLE_MS)
    const restarts = restarted(samples).map((name) => `${name} was restarted, and nobody had asked for it`)
    return {
      verdicts: verdictsOf(samples),
      faults: { ...faults, orphans: left.length, corrupt: broken.length },
      notes: [...restarts, ...notes, ...faults.notes, ...broken, ...left.map((process) => `orphan: ${process}`)],
      ...{ prompts: prompts(), commands: at.commands.lines().length, samples: samples.length },
    }
  })
