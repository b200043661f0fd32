/** What a process has used of the processors and of the memory, as Linux tells it. */
import { readFileSync } from 'node:fs'

/** Clock ticks a second, fixed for programs on Linux. */
const TICKS = 100

/** Processor time that a process has used so far, in milliseconds. NaN where it cannot be told. */
export const cpuMs = (pid: number): number => {
  if (process.platform !== 'linux') return Number.NaN
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').pop()?.split(' ') ?? []
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS
}

/** Sleeps, or has ended; anything else runs, or waits for a processor or the disk. */
const RESTING = new Set(['S', 'Z', 'X'])

/** How long the main thread of a process has run so far, in nanoseconds, and whether it is at it now. */
export const runState = (pid: number): { readonly ran_ns: number; readonly isBusy: boolean } => {
  if (process.platform !== 'linux') return { ran_ns: 0, isBusy: false }
  try {
    const [ran_ns = Number.NaN] = readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ').map(Number)
    const state = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').pop()?.[0] ?? ''
    return { ran_ns, isBusy: !RESTING.has(state) }
  } catch {
    // It has ended between one look and the next.
    return { ran_ns: 0, isBusy: false }
  }
}

/** Memory that a process would free if it ended, shared pages by share (PSS), in MB. NaN where it cannot be told. */
export const pssMb = (pid: number): number => {
  if (process.platform !== 'linux') return Number.NaN
  return Number(/^Pss: +(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1]) / 1_024
}
