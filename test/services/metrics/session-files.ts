/** Session files as the CLI writes them, made by a test. */
import { randomUUID } from 'node:crypto'
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Usage {
  readonly input?: number
  readonly output?: number
  readonly read?: number
  readonly created?: number
}

/** A line of a person. */
export const userLine = (sessionId: string, timestamp: string, uuid: string = randomUUID()): string =>
  JSON.stringify({
    ...{ parentUuid: null, isSidechain: false, type: 'user', message: { role: 'user', content: 'say "type":"assistant" to me' } },
    ...{ uuid, timestamp, sessionId, cwd: '/chat', version: '2.1.197' },
  })

/** A line of an answer; an answer with several parts has several, with the same ids. */
export const answerLine = (
  sessionId: string,
  timestamp: string,
  { input = 10, output = 5, read = 100, created = 3 }: Usage = {},
  { id = `msg_${randomUUID()}`, model = 'claude-opus-4-8' }: { id?: string; model?: string } = {},
): string =>
  JSON.stringify({
    ...{
      parentUuid: null,
      isSidechain: false,
      type: 'assistant',
      requestId: `req_${id}`,
      uuid: randomUUID(),
      timestamp,
      sessionId,
    },
    message: {
      ...{ id, type: 'message', role: 'assistant', model, content: [{ type: 'text', text: 'hello' }], stop_reason: 'end_turn' },
      usage: {
        ...{ input_tokens: input, output_tokens: output },
        ...{ cache_read_input_tokens: read, cache_creation_input_tokens: created },
      },
    },
  })

/** Lines that hold no message. */
export const otherLine = (sessionId: string, timestamp: string): string =>
  JSON.stringify({ type: 'queue-operation', operation: 'enqueue', timestamp, sessionId, content: 'x' })

/** The folder `projects` of a configuration folder, with verbs to write into it. */
export const openProjects = (config_dir: string) => {
  const path = (file: string): string => join(config_dir, 'projects', file)
  return {
    path,
    /** Writes a file anew. */
    write: (file: string, lines: readonly string[]): void => {
      mkdirSync(join(path(file), '..'), { recursive: true })
      writeFileSync(path(file), lines.map((line) => `${line}\n`).join(''))
    },
    append: (file: string, text: string): void => appendFileSync(path(file), text),
  }
}
