/** What is measured of a Switchboard while it works: memory, descriptors, lag, processes, disk. Linux. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pssMb } from '../../bench/processor.ts'
import type { WireLink } from '../../protocol/wire/link.ts'
import { type RunFiles, SERVICES, servicePid } from '../crash/run/orders.ts'
import { processesOfRun } from '../crash/run/processes.ts'
import { type Allowance, type Growth, judge, judgeGrowth, type Series, type Verdict } from './judge.ts'

/** One service at one moment. */
interface ServiceSample {
  readonly pid: number
  readonly pss_mb: number
  /** Of its database; 0 for the one that has none. */
  readonly database_mb: number
  readonly descriptors: number
  readonly lag_ms: number
}

export interface Sample {
  readonly services: Readonly<Record<string, ServiceSample>>
  readonly processes: number
  readonly disk_mb: number
  /** Pieces of work that have been done so far. */
  readonly work: number
}

const PING_MS = 10_000
const MEGABYTE = 1_048_576

/** The bytes of all files in a folder and below it. */
const sizeOf = (folder: string): number =>
  readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return sum + sizeOf(path)
    // What is removed while we look has no size.
    return sum + (entry.isFile() ? (statSync(path, { throwIfNoEntry: false })?.size ?? 0) : 0)
  }, 0)

/** Throws where a service does not answer, or does not run. */
export const takeSample = async (files: RunFiles, links: ReadonlyMap<string, WireLink>, work: number): Promise<Sample> => {
  const services: Record<string, ServiceSample> = {}
  for (const name of SERVICES) {
    const pid = servicePid(files, name)
    if (pid === null) throw new Error(`${name} does not run`)
    const pong = await links.get(name)?.ping(PING_MS)
    services[name] = {
      pid,
      pss_mb: pssMb(pid),
      database_mb: (statSync(join(files.home, 'db', `${name}.db`), { throwIfNoEntry: false })?.size ?? 0) / MEGABYTE,
      descriptors: readdirSync(`/proc/${pid}/fd`).length,
      lag_ms: pong?.loop_lag_ms ?? Number.NaN,
    }
  }
  return { services, processes: processesOfRun(files).length, disk_mb: sizeOf(files.home) / MEGABYTE, work }
}

/**
 * What may grow, and how far. Memory: what V8 and malloc keep varies by some megabytes; of those through which the words go, by more (20 MB
 * were seen in twelve minutes of a crowded machine; docs/reliability.md says what is known of it). All of that once: for each thousand
 * pieces of work nothing is kept but the pages of a database, of which SQLite holds 16 MB at most. In 50 minutes beside a crash run half a
 * megabyte was counted all the same (of memory, which has a model in it), in 10 to 20 minutes 3 MB of noise from a third to the next. Descriptors: connections that come
 * and go. Processes: agents of chats and tasks, of which a bounded number stays warm. Lag: a machine that does other things as well.
 */
const MEMORY: Allowance = { share: 0.2, least: 15 }
const MEMORY_OF_WORDS: Allowance = { share: 0.2, least: 30 }
const WITH_WORDS: readonly string[] = ['edge', 'sessions']
const DESCRIPTORS: Allowance = { share: 0.1, least: 6 }
const PROCESSES: Allowance = { share: 0.15, least: 6 }
const LAG: Allowance = { share: 1, least: 40 }
const KEPT: Growth['allowed'] = { per_1000: 0.75, least: 3 }
const PAGES_MB = 16
/** Words are kept, and the logs of agents for 30 days: the disk grows with the work. A piece of it costs 48 KB, and no more later. */
const DISK_A_PIECE: Allowance = { share: 0.25, least: 10, most: 75 }

/** What a piece of work has added to the disk, in KB, from sample to sample. */
const costs = (samples: readonly Sample[]): number[] => {
  const every = Math.max(1, Math.floor(samples.length / 30))
  const marks = samples.filter((_, index) => index % every === 0)
  return marks.slice(1).map((mark, index) => {
    const before = marks[index] as Sample
    return ((mark.disk_mb - before.disk_mb) * 1_024) / Math.max(1, mark.work - before.work)
  })
}

const growthsOf = (samples: readonly Sample[]): Growth[] => {
  const work = samples.map((sample) => sample.work)
  return SERVICES.map((name) => {
    const own = samples.map(({ services }) => services[name] as ServiceSample)
    return {
      ...{ name: `kept by ${name} of 1,000 pieces of work`, unit: 'MB', allowed: KEPT, work },
      values: own.map(({ pss_mb }) => pss_mb),
      known: own.map(({ database_mb }) => Math.min(database_mb, PAGES_MB)),
    }
  })
}

const seriesOf = (samples: readonly Sample[]): Series[] => {
  const of = (name: string, pick: (service: ServiceSample) => number): number[] =>
    samples.map(({ services }) => pick(services[name] as ServiceSample))
  return [
    ...SERVICES.flatMap((name): Series[] => [
      {
        name: `memory of ${name}`,
        unit: 'MB',
        values: of(name, ({ pss_mb }) => pss_mb),
        allowed: WITH_WORDS.includes(name) ? MEMORY_OF_WORDS : MEMORY,
        isToothed: true,
      },
      { name: `descriptors of ${name}`, unit: '', values: of(name, ({ descriptors }) => descriptors), allowed: DESCRIPTORS },
      { name: `event loop of ${name} late by`, unit: 'ms', values: of(name, ({ lag_ms }) => lag_ms), allowed: LAG },
    ]),
    { name: 'processes', unit: '', values: samples.map(({ processes }) => processes), allowed: PROCESSES },
    { name: 'disk for a piece of work', unit: 'KB', values: costs(samples), allowed: DISK_A_PIECE },
    { name: 'disk', unit: 'MB', values: samples.map(({ disk_mb }) => disk_mb), allowed: null },
  ]
}

/** All that is judged of a run. */
export const verdictsOf = (samples: readonly Sample[]): Verdict[] => [
  ...growthsOf(samples).map(judgeGrowth),
  ...seriesOf(samples).map(judge),
]

/** Services that were another process later than they were first. */
export const restarted = (samples: readonly Sample[]): string[] =>
  SERVICES.filter((name) => new Set(samples.map(({ services }) => services[name]?.pid)).size > 1)
