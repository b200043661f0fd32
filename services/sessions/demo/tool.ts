import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { Interrupted, wait } from './wait.ts'

export type ToolResult = { content: string; is_error: boolean }

/**
 * Runs a command as the CLI's Bash tool does: in a process session of its own, so that it outlives an agent that is killed or
 * terminated. An interrupt kills all of it.
 */
export async function runCommand(command: string, signal: AbortSignal): Promise<ToolResult> {
  const child = spawn('sh', ['-c', command], { detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const output: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk))
  const stop = () => killGroup(child)
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  const status = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
  })
  signal.removeEventListener('abort', stop)
  if (signal.aborted) throw new Interrupted()
  const text = Buffer.concat(output).toString('utf8').trimEnd()
  return status === 0 ? { content: text, is_error: false } : { content: `Exit code ${status}\n${text}`, is_error: true }
}

/** A task that runs beside the turns. */
export type Task = { task_id: string; run_id: string; tool_use_id: string; description: string; script: string }

/** The background tasks of this process. */
export type Tasks = ReturnType<typeof createTasks>

/** `onChange` is told when a task begins or has ended. */
export function createTasks(onChange: (task: Task, status: 'started' | 'completed' | 'failed' | 'killed') => void) {
  const running = new Map<string, { task: Task; stop: AbortController }>()
  return {
    /** Starts a command, or a mere pause when a number of milliseconds is given. */
    start: (what: string | number, toolUseId: string, script: string): Task => {
      const task = { task_id: `b${id(4)}`, run_id: id(6), tool_use_id: toolUseId, description: 'a background task', script }
      const stop = new AbortController()
      running.set(task.task_id, { task, stop })
      onChange(task, 'started')
      const end = (status: 'completed' | 'failed' | 'killed') => {
        running.delete(task.task_id)
        onChange(task, status)
      }
      const work =
        typeof what === 'number'
          ? wait(what, stop.signal).then(() => false)
          : runCommand(what, stop.signal).then((result) => result.is_error)
      work.then(
        (failed) => end(failed ? 'failed' : 'completed'),
        () => end(stop.signal.aborted ? 'killed' : 'failed'),
      )
      return task
    },
    open: () => [...running.values()].map(({ task }) => task),
    killAll: () => {
      for (const { stop } of running.values()) stop.abort()
    },
  }
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function id(bytes: number): string {
  return randomBytes(bytes).toString('hex')
}
