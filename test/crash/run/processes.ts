/** The processes of a run, known by the variables that they inherit, or by where they are at work. Linux only: elsewhere none is found. */
import { readdirSync, readlinkSync } from 'node:fs'
import { dirname, sep } from 'node:path'
import { isLinux, readProc } from '../../../services/runtime/process.ts'
import type { RunFiles } from './orders.ts'

export interface RunProcess {
  readonly pid: number
  /** One of PM2's: its daemon, a service, or a command line of PM2 that a service has asked something. */
  readonly isOurs: boolean
  /** Of an agent, what carries it. */
  readonly nonce: string | null
  readonly command: string
}

/** A count of orphans in words: where nobody can look for them it is no zero. */
export const orphansInWords = (count: number, canLook = isLinux): string => (canLook ? String(count) : 'not looked for')

/** Where a process is at work; null when it is gone, or not ours to look at. */
const folderOf = (pid: number): string | null => {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    // Gone, or not ours to look at.
    return null
  }
}

/** Every process of a run; a zombie is none. Typesetters and their shells get none of our variables, and work below the run's folder. */
export const processesOfRun = (files: Pick<RunFiles, 'journal' | 'pm2_home' | 'home'>): RunProcess[] => {
  if (!isLinux) return []
  const below = dirname(files.home) + sep
  const has = (environment: string, name: string, value: string): boolean => environment.includes(`\0${name}=${value}\0`)
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .flatMap((pid) => {
      const environment = `\0${readProc(pid, 'environ') ?? ''}`
      const isOurs = has(environment, 'PM2_HOME', files.pm2_home)
      const isInside = folderOf(pid)?.startsWith(below) === true
      const isMarked = isOurs || isInside || has(environment, 'DEMO_AGENT_JOURNAL', files.journal)
      if (!isMarked || /\) [ZX] /.test(readProc(pid, 'stat') ?? '')) return []
      const nonce = /\0SWITCHBOARD_AGENT=([^\0]+)/.exec(environment)?.[1] ?? null
      const command = (readProc(pid, 'cmdline') ?? '').replaceAll('\0', ' ').slice(0, 120)
      return [{ pid, isOurs, nonce, command }]
    })
}
