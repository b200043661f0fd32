/** What a process that does not answer was doing, written down before it is ended. */
import { closeSync, fstatSync, mkdirSync, openSync, readdirSync, readlinkSync, readSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Pong } from '../../../protocol/wire/frames.ts'
import { isLinux, ps, readProc } from '../process.ts'

/** Of each process that many are kept, the newest. */
const KEEP = 20
const LOG_LINES = 60
/** Of the log's end so much is looked at. */
const LOG_BYTES = 65_536

export interface DumpOrder {
  /** Where dumps go; made where it is missing. */
  readonly folder: string
  /** The folder of the logs, with one file `<name>.log` for each process. */
  readonly logs: string
  readonly name: string
  readonly pid: number
  /** Why it is written. */
  readonly reason: string
  /** What it said of itself last. */
  readonly pong: Pong | null
  /** Milliseconds since 1970. */
  readonly now: number
}

const lastLines = (file: string): string => {
  try {
    const fd = openSync(file, 'r')
    try {
      const { size } = fstatSync(fd)
      const tail = Buffer.alloc(Math.min(size, LOG_BYTES))
      const read = readSync(fd, tail, 0, tail.length, size - tail.length)
      return tail.toString('utf8', 0, read).trimEnd().split('\n').slice(-LOG_LINES).join('\n')
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    return `(${(error as NodeJS.ErrnoException).code ?? 'unreadable'})`
  }
}

const entriesOf = (folder: string): string[] => {
  try {
    return readdirSync(folder)
  } catch {
    // The process is gone, or not ours to look into.
    return []
  }
}

const targetOf = (link: string): string => {
  try {
    return readlinkSync(link)
  } catch {
    // It was closed meanwhile.
    return ''
  }
}

/** Sockets, files and pipes that are open, counted by kind. */
const descriptorsOf = (pid: number): string => {
  const kinds = new Map<string, number>()
  for (const fd of entriesOf(`/proc/${pid}/fd`)) {
    const target = targetOf(`/proc/${pid}/fd/${fd}`)
    const kind = target.startsWith('/') ? 'file' : target.replace(/:.*$/, '')
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
  }
  return [...kinds].map(([kind, count]) => `${kind} ${count}`).join(', ')
}

/** Each thread: its name, state (R runs, S sleeps, D waits for a device, T is stopped), and where in the kernel it waits. */
const threadsOf = (pid: number): string =>
  entriesOf(`/proc/${pid}/task`)
    .map((tid) => {
      const stat = readProc(pid, `task/${tid}/stat`) ?? ''
      const state = /\) (\S)/.exec(stat)?.[1] ?? '?'
      const name = /\((.*)\)/.exec(stat)?.[1] ?? '?'
      const wait = readProc(pid, `task/${tid}/wchan`)?.trim() ?? '?'
      const call = readProc(pid, `task/${tid}/syscall`)?.trim().split(' ')[0] ?? '?'
      return `${tid} ${name} state ${state} wchan ${wait} syscall ${call}`
    })
    .join('\n')

const section = (title: string, text: string | null): string => `== ${title}\n${text?.trimEnd() || '(nothing)'}\n`

/** All that the system tells of a process from outside. */
const stateOf = (pid: number): string =>
  isLinux
    ? [
        section('status', readProc(pid, 'status')),
        section('threads', threadsOf(pid)),
        section('kernel stack', readProc(pid, 'stack')),
        section('descriptors', descriptorsOf(pid)),
      ].join('\n')
    : section('state', ps('-o', 'pid,state,%cpu,rss,etime,wchan', '-p', String(pid)))

const dropOld = (folder: string, name: string): void => {
  const own = entriesOf(folder)
    .filter((file) => file.startsWith(`${name}-`))
    .sort()
  for (const file of own.slice(0, -KEEP)) rmSync(join(folder, file), { force: true })
}

/** Writes the dump and gives its path. What cannot be read is left out: half a dump is better than none. */
export const writeDump = ({ folder, logs, name, pid, reason, pong, now }: DumpOrder): string => {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const file = join(folder, `${name}-${new Date(now).toISOString().replaceAll(':', '-')}.txt`)
  const text = [
    section(`${name}, pid ${pid}, ${new Date(now).toISOString()}`, reason),
    section('what it said of itself last', pong === null ? 'it never answered' : JSON.stringify(pong, undefined, 1)),
    stateOf(pid),
    section('its last lines', lastLines(join(logs, `${name}.log`))),
  ].join('\n')
  writeFileSync(file, text, { mode: 0o600 })
  dropOld(folder, name)
  return file
}
