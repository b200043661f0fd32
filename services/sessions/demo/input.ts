import { randomUUID } from 'node:crypto'
import type { Verdict } from './asking.ts'
import type { ControlRequest } from './control.ts'
import type { Message } from './inbox.ts'

/** A line of the host that means something. */
export type HostLine =
  | { kind: 'message'; message: Message }
  | { kind: 'control'; control: ControlRequest }
  | { kind: 'answer'; request_id: string; verdict: Verdict }

/** A line that ends the process, as it ends the CLI; the message goes to standard error. */
export class BadLine extends Error {
  override name = 'BadLine'
}

type RawLine = {
  type?: string
  uuid?: string
  priority?: string
  message?: { role?: string; content?: string | { type: string; text?: string }[] }
  response?: { request_id?: string; response?: Verdict }
} & Partial<ControlRequest>

/** Cuts a stream of bytes into lines. The rest without a newline is a line, too, once the stream has ended. */
export function createLineCutter(onLine: (line: string) => void) {
  let parts: Buffer[] = []
  const finish = () => {
    const line = Buffer.concat(parts).toString('utf8')
    parts = []
    if (line !== '') onLine(line)
  }
  return {
    push: (chunk: Buffer) => {
      let from = 0
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
        parts.push(chunk.subarray(from, at))
        from = at + 1
        finish()
      }
      if (from < chunk.length) parts.push(chunk.subarray(from))
    },
    end: finish,
  }
}

/** Reads a line of the host. Null for one to be ignored: blank, or of a type that is not known. Throws `BadLine`. */
export function readHostLine(line: string): HostLine | null {
  if (line.trim() === '') return null
  const raw = parse(line)
  if (raw.type === 'control_request' && raw.request && raw.request_id !== undefined) {
    return { kind: 'control', control: { request_id: raw.request_id, request: raw.request } }
  }
  const { request_id, response: verdict } = raw.response ?? {}
  if (raw.type === 'control_response' && request_id !== undefined && verdict) return { kind: 'answer', request_id, verdict }
  if (raw.type !== 'user') return null
  const { role, content } = raw.message ?? {}
  if (role !== 'user') throw new BadLine(`Error: Expected message role 'user', got '${role}'`)
  const text = typeof content === 'string' ? content : (content ?? []).map((block) => block.text ?? '').join('\n')
  return {
    kind: 'message',
    message: { uuid: raw.uuid ?? randomUUID(), named: raw.uuid !== undefined, text, priority: raw.priority ?? 'next' },
  }
}

function parse(line: string): RawLine {
  try {
    return JSON.parse(line) as RawLine
  } catch {
    const type = /"type":"(\w+)"/.exec(line)?.[1] ?? 'unknown'
    throw new BadLine(`Error parsing streaming input line (type=${type}, ${line.length} chars): SyntaxError`)
  }
}
