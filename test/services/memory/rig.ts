/** A whole memory service without its sockets: real SQLite, the real embedder, an Ollama that is played. */
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { memory } from '../../../protocol/memory.ts'
import type { Client } from '../../../protocol/method.ts'
import { parseInput } from '../../../protocol/validate.ts'
import type { Mode, Patience } from '../../../services/memory/embedder/choice.ts'
import { openMemory } from '../../../services/memory/open.ts'
import { createLog } from '../../../services/runtime/log.ts'
import { createReleases } from '../../../services/runtime/releases.ts'
import { type OllamaFake, startOllama } from '../../fakes/ollama.ts'
import { atEnd, type Scope, tempDir } from '../../harness.ts'

export interface Said {
  readonly level: string
  readonly msg: string
}

/** A log whose lines can be looked at. */
export const listenedLog = () => {
  const lines: Said[] = []
  const log = createLog({
    service: 'memory',
    level: 'info',
    destination: { write: (line) => lines.push(JSON.parse(line) as Said) },
  })
  return { log, lines }
}

export interface RigOptions {
  readonly mode?: Mode
  readonly folder?: string
  readonly ollama?: OllamaFake
  readonly patience?: Patience
  readonly look_every_ms?: number
  readonly look_timeout_ms?: number
}

/** An Ollama that is stopped at the end of the test. */
export const playedOllama = async (t: Scope): Promise<OllamaFake> => {
  const ollama = await startOllama()
  atEnd(t, () => ollama.stop())
  return ollama
}

/** Memory, answering as over the wire: inputs are parsed by the contract, outputs checked against it. */
export const openRig = (t: Scope, options: RigOptions = {}) => {
  const folder = options.folder ?? tempDir(t)
  mkdirSync(path.join(folder, 'db'), { recursive: true })
  const { log, lines } = listenedLog()
  const releases = createReleases(log)
  const changes: unknown[] = []
  const { mode = 'auto', patience = { leave_ms: 300, return_ms: 150 }, look_every_ms = 50, look_timeout_ms = 2_000 } = options
  const { handlers, start } = openMemory({
    env: {
      EMBEDDINGS: mode,
      // Nobody listens on port 9.
      OLLAMA_BASE_URL: options.ollama?.url ?? 'http://127.0.0.1:9',
      OLLAMA_EMBED_MODEL: 'nomic-embed-text',
    },
    home: { db: path.join(folder, 'db') },
    log,
    publish: { memory_changed: (change) => changes.push(change) },
    defer: (name, release) => releases.add(name, release),
    settle_ms: 0,
    embedder: { patience, look_every_ms, look_timeout_ms },
  })
  start()
  let closed: Promise<unknown> | undefined
  const close = (): Promise<unknown> => (closed ??= releases.run(10_000))
  atEnd(t, async () => void (await close()))
  const client = Object.fromEntries(
    Object.entries(memory.methods).map(([verb, spec]) => [
      verb,
      async (input: unknown, call: { signal?: AbortSignal } = {}) => {
        const handler = handlers[verb as keyof typeof handlers] as (input: unknown, call: unknown) => Promise<unknown>
        const output = await handler(parseInput(spec, input), {
          call_id: 'test',
          signal: call.signal ?? new AbortController().signal,
        })
        return spec.output.parse(output)
      },
    ]),
  ) as unknown as Client<typeof memory>
  return { memory: client, close, folder, lines, changes, file: path.join(folder, 'db', 'memory.db') }
}

export type Rig = ReturnType<typeof openRig>
