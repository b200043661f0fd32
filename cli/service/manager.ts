/** What a service manager can do for us; there is one of systemd and one of launchd. */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

/** How a program of the manager ended. `code` null: it is not there. */
export interface Answer {
  readonly code: number | null
  readonly output: string
}

/** Runs a program of the system. */
export type Ask = (command: string, args: readonly string[]) => Promise<Answer>

const PATIENCE_MS = 60_000

export const ask: Ask = (command, args) =>
  new Promise((resolve) => {
    execFile(command, [...args], { timeout: PATIENCE_MS }, (error, stdout, stderr) => {
      const { code } = (error ?? {}) as { code?: number | string | null }
      if (code === 'ENOENT') return resolve({ code: null, output: `${command} is not there` })
      resolve({ code: error === null ? 0 : typeof code === 'number' ? code : 1, output: `${stdout}${stderr}`.trim() })
    })
  })

/** Asks and throws with what was said where it failed. */
export const demand = async (run: Ask, command: string, args: readonly string[]): Promise<void> => {
  const { code, output } = await run(command, args)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${output === '' ? `exit code ${code}` : output}`)
}

export interface Manager {
  readonly name: 'systemd' | 'launchd'
  /** Where the description of the service lies. */
  readonly file: string
  /** The part of it that tells whose it is. */
  readonly marker: string
  /** The Node.js that a description names. */
  nodeIn(text: string): string | null
  /** The description, as it is written into the file. */
  render(): string
  /**
   * Writes the description, has it started now and at each start of the machine. Resolves with what is to be told. Throws where it
   * cannot be; a description that was not there before is not there then.
   */
  install(): Promise<string[]>
  /** Stops it and takes it away, as far as the manager can be asked. Resolves with what is to be told. */
  uninstall(): Promise<string[]>
  start(): Promise<void>
  /** Resolves when the services have left. Agents finish their turns. */
  stop(): Promise<void>
  isActive(): Promise<boolean>
  /** Why it cannot be asked from here, and what to do, in words; null where it answers. */
  unreachable(): Promise<string | null>
  /** Whether a process was started by it, and would be started again. */
  holds(pid: number): boolean
}

/** Why PM2 may not be ended from here: a manager that cannot be asked would start it again. Null where it may. @param pm2 its pid */
export const heldBack = async (manager: Manager | null, pm2: number | null): Promise<string | null> =>
  manager !== null && pm2 !== null && manager.holds(pm2) ? await manager.unreachable() : null

/** Whether the service is installed, and for this home: another Switchboard's is none of ours. */
export const isInstalled = ({ file, marker }: Pick<Manager, 'file' | 'marker'>): boolean =>
  existsSync(file) && readFileSync(file, 'utf8').includes(marker)

/** The Node.js that the service was installed with; null where it is not installed. */
export const installedNode = (manager: Pick<Manager, 'file' | 'nodeIn'>): string | null =>
  existsSync(manager.file) ? manager.nodeIn(readFileSync(manager.file, 'utf8')) : null
