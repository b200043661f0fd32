/** The processes of a run, known by the variables that they inherit. Linux only: elsewhere none is found. */
import { readdirSync } from 'node:fs'
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

/** Every process of a run; a zombie is none. */
export const processesOfRun = (files: Pick<RunFiles, 'journal' | 'pm2_home'>): RunProcess[] => {
  if (!isLinux) return []
  const has = (environment: string, name: string, value: string): boolean => environment.includes(`\0${name}=${value}\0`)
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .flatMap((pid) => {
      const environment = `\0${readProc(pid, 'environ') ?? ''}`
      const isOurs = has(environment, 'PM2_HOME', files.pm2_home)
      const isMarked = isOurs || has(environment, 'DEMO_AGENT_JOURNAL', files.journal)
      if (!isMarked || /\) [ZX] /.test(readProc(pid, 'stat') ?? '')) return []
      const nonce = /\0SWITCHBOARD_AGENT=([^\0]+)/.exec(environment)?.[1] ?? null
      const command = (readProc(pid, 'cmdline') ?? '').replaceAll('\0', ' ').slice(0, 120)
      return [{ pid, isOurs, nonce, command }]
    })
}
