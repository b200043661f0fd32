/** The yardstick for turns: the agent that sessions would start, spawned by hand and fed through a pipe. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from '../services/runtime/env.ts'
import { messageLine } from '../services/sessions/agent/writer.ts'
import { findProgram, type Program } from '../services/sessions/program.ts'
import { Settings } from '../services/sessions/settings.ts'
import type { Scope } from './scope.ts'

export interface HandFed {
  readonly process: ChildProcess
  /** From the moment before the line was written to the first words, and to the result; in milliseconds. */
  ask(text: string): Promise<{ readonly first_ms: number; readonly end_ms: number }>
  /** Ends it at once. */
  close(): Promise<void>
}

export interface HandFedKit {
  /** Spawns one. What is measured from `began` on holds the spawn. */
  spawn(): HandFed
}

/** The same program, arguments and environment as the services with this environment would choose. */
export const openHandFed = async (scope: Scope, environment: Readonly<Record<string, string>>): Promise<HandFedKit> => {
  const folder = scope.folder()
  const cwd = join(folder, 'cwd')
  mkdirSync(cwd)
  const program = await findProgram(parseEnv(Settings, { environment }), environment, join(folder, 'demo'))
  if (program.about.problem !== null) throw new Error(program.about.problem)
  return { spawn: () => spawnOne(scope, program, cwd) }
}

const spawnOne = (scope: Scope, program: Program, cwd: string): HandFed => {
  const child = spawn(program.command, program.args({ id: randomUUID(), begin: 'new' }), {
    cwd,
    env: program.env,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  let rest = ''
  let onLine: (line: string) => void = () => undefined
  child.stdout.setEncoding('latin1').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) onLine(line)
  })
  const close = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }
  scope.after(close)
  return {
    process: child,
    ask: (text) =>
      new Promise((resolve, reject) => {
        const began = performance.now()
        let first_ms = Number.NaN
        const fail = (): void => reject(new Error('the agent that is fed by hand has ended'))
        child.once('exit', fail)
        onLine = (line) => {
          if (Number.isNaN(first_ms) && line.includes('"text_delta"')) first_ms = performance.now() - began
          if (!line.includes('"type":"result"')) return
          child.off('exit', fail)
          resolve({ first_ms, end_ms: performance.now() - began })
        }
        child.stdin.write(messageLine(randomUUID(), text))
      }),
    close,
  }
}
