import { randomUUID } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import type { Arguments } from './arguments.ts'
import { type Asking, createAsking } from './asking.ts'
import { createInbox, type Inbox, type Message } from './inbox.ts'
import { createLedger, type Ledger } from './ledger.ts'
import { createOutput, type Output } from './output.ts'
import { createTasks, type Task, type Tasks } from './tool.ts'
import { copyTranscript, openTranscript, type Transcript } from './transcript.ts'

/** What comes from the environment. */
export type Settings = { configDir: string; scripted: boolean; legacy: boolean; journal: string | null }

/** One conversation and all that belongs to it. */
export type Agent = {
  out: Output
  transcript: Transcript
  inbox: Inbox
  tasks: Tasks
  ledger: Ledger
  asking: Asking
  scripted: boolean
  /** Called at the moment the model sees the messages. */
  journal(messages: readonly Message[]): void
  /** How many results were shown so far. */
  results: number
}

/** Opens it. `onWork` is called when a background task has ended. Returns the complaint of the CLI where it would not start. */
export function openAgent(options: Arguments, settings: Settings, onWork: () => void): Agent | string {
  const newId = options.sessionId ?? randomUUID()
  const sessionId = options.fork ? newId : (options.resume ?? newId)
  const cwd = process.cwd()
  const out = createOutput({ ...options, sessionId, cwd, legacy: settings.legacy })
  const where = { configDir: settings.configDir, cwd, sessionId }
  const copied = options.fork && options.resume !== null ? copyTranscript(where, options.resume) : null
  const transcript = copied ?? openTranscript({ ...where, resume: options.resume !== null, atOnce: settings.legacy })
  if (typeof transcript === 'string') {
    if (options.resume !== null) {
      out.emit({ type: 'result', subtype: 'error_during_execution', is_error: true, num_turns: 0, errors: [transcript] })
    }
    return transcript
  }
  const inbox = createInbox(out, transcript)
  const tasks = createTasks((task, status) => {
    if (status === 'started') return showStart(out, tasks, task)
    const summary = `Background command "${task.description}" ${status}`
    showEnd(out, tasks, task, status, summary)
    inbox.notify({ runId: task.run_id, summary, script: task.script })
    onWork()
  })
  return {
    out,
    transcript,
    inbox,
    tasks,
    asking: createAsking(out, options.asks),
    ledger: createLedger(options.model, transcript.cost),
    scripted: settings.scripted,
    journal: (messages) => writeJournal(settings.journal, sessionId, messages),
    results: 0,
  }
}

function showStart(out: Output, tasks: Tasks, task: Task): void {
  const { task_id, run_id, tool_use_id, description } = task
  out.system('background_tasks_changed', { tasks: tasks.open().map(publicPart) })
  out.system('task_started', { task_id, run_id, tool_use_id, description, is_backgrounded: true, task_type: 'local_bash' })
}

function showEnd(out: Output, tasks: Tasks, task: Task, status: string, summary: string): void {
  const { task_id, run_id, tool_use_id } = task
  out.system('task_updated', { task_id, run_id, patch: { status, end_time: Date.now() } })
  out.system('task_notification', { task_id, run_id, tool_use_id, status, output_file: '', summary })
  out.system('background_tasks_changed', { tasks: tasks.open().map(publicPart) })
}

function publicPart({ task_id, run_id, description }: Task): object {
  return { task_id, run_id, task_type: 'local_bash', description }
}

/** One line a message, each in one write to a file opened for appending: lines of several agents do not mix. */
function writeJournal(path: string | null, session_id: string, messages: readonly Message[]): void {
  if (path === null) return
  for (const { uuid, text } of messages) {
    appendFileSync(
      path,
      `${JSON.stringify({ uuid, session_id, text, pid: process.pid, at: Date.now(), merged: messages.length })}\n`,
    )
  }
}
