import { randomUUID } from 'node:crypto'
import { writeSync } from 'node:fs'

/** The lines of the CLI's stream-json output, written to standard output one by one and at once. */
export type Output = ReturnType<typeof createOutput>

export type OutputOptions = {
  sessionId: string
  cwd: string
  model: string
  permissionMode: string
  partial: boolean
  replay: boolean
  /** Speak as 2.1.197: no `command_lifecycle`, no `capabilities`, no `user_message_uuids`. */
  legacy: boolean
}

/** What the CLI says of itself, as far as this agent keeps it. */
const CAPABILITIES = ['interrupt_receipt_v1', 'interrupt_cancel_queued_v1', 'msg_lifecycle_v1']

const TOOLS = ['Bash', 'Read', 'Write']

export function createOutput(options: OutputOptions) {
  const { sessionId: session_id, legacy } = options
  const line = (value: object) => writeAll(1, `${JSON.stringify(value).replace(/[\u2028\u2029]/g, escapeSeparator)}\n`)
  const answered = (uuids: readonly string[]) => (legacy || uuids.length === 0 ? {} : { user_message_uuids: uuids })
  /** A line with the two fields that nearly every line has. */
  const emit = (value: object) => line({ ...value, session_id, uuid: randomUUID() })
  return {
    options,
    line,
    /** A line as it is, which need not be JSON. */
    raw: (text: string) => writeAll(1, `${text}\n`),
    emit,
    answered,
    lifecycle: (command_uuid: string, state: 'queued' | 'started' | 'completed' | 'cancelled') => {
      if (!legacy) line({ type: 'command_lifecycle', command_uuid, state, uuid: randomUUID(), session_id })
    },
    init: (uuids: readonly string[]) =>
      emit({
        type: 'system',
        subtype: 'init',
        cwd: options.cwd,
        tools: TOOLS,
        mcp_servers: [],
        model: options.model,
        permissionMode: options.permissionMode,
        slash_commands: ['compact', 'context', 'cost'],
        apiKeySource: 'none',
        claude_code_version: 'demo',
        output_style: 'default',
        agents: [],
        skills: [],
        plugins: [],
        ...(legacy ? {} : { capabilities: CAPABILITIES }),
        ...answered(uuids),
      }),
    requesting: (uuids: readonly string[]) =>
      emit({ type: 'system', subtype: 'status', status: 'requesting', ...answered(uuids) }),
    system: (subtype: string, rest: object) => emit({ type: 'system', subtype, ...rest }),
    /** The message as the CLI repeats it; the uuid is the host's own. `bare` ones (merged, known) bear no time. */
    replay: (uuid: string, content: string, bare = false) => {
      if (!options.replay) return
      const time = bare ? {} : { timestamp: new Date().toISOString() }
      line({
        type: 'user',
        message: { role: 'user', content },
        session_id,
        parent_tool_use_id: null,
        uuid,
        ...time,
        isReplay: true,
      })
    },
    user: (content: object[], rest: object = {}) =>
      emit({
        type: 'user',
        message: { role: 'user', content },
        parent_tool_use_id: null,
        timestamp: new Date().toISOString(),
        ...rest,
      }),
    event: (event: object, rest: object = {}) => {
      if (options.partial) emit({ type: 'stream_event', event, parent_tool_use_id: null, ...rest })
    },
    assistant: (message: object, rest: object = {}) => emit({ type: 'assistant', message, parent_tool_use_id: null, ...rest }),
    controlled: (request_id: string, response: object) =>
      line({ type: 'control_response', response: { subtype: 'success', request_id, response } }),
    refused: (request_id: string, error: string) =>
      line({ type: 'control_response', response: { subtype: 'error', request_id, error } }),
  }
}

/** Writes all of a text, also to a pipe that is full. A reader that has gone is ignored, as the CLI does. */
export function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text)
  let done = 0
  while (done < bytes.length) {
    try {
      done += writeSync(fd, bytes, done)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EPIPE') return
      if (code !== 'EAGAIN') throw error
      block(2)
    }
  }
}

/** Stops the whole process for a while. */
export function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

function escapeSeparator(character: string): string {
  return character === '\u2028' ? '\\u2028' : '\\u2029'
}
