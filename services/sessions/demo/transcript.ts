import { randomUUID } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** A conversation on disk, where the CLI keeps its own: `<config>/projects/<slug>/<session>.jsonl`. */
export type Transcript = {
  /** The uuids of all user messages in it. */
  known: Set<string>
  /** User messages so far, those of earlier processes included. */
  count(): number
  /** What the last clean exit had added up to, in dollars. */
  cost: number
  user(message: { uuid: string; text: string; merged?: string[]; origin?: object }): void
  assistant(message: object): void
  /** Puts on disk what still waits. Called before a result is shown. */
  flush(): void
  /** The last line of a clean exit: what was spent. */
  close(cost: number): void
}

/** How long the CLI holds lines back before it writes them; the one without lifecycle lines (2.1.197) wrote at once. */
const HELD_BACK_MS = 100

type Where = { configDir: string; cwd: string; sessionId: string }

/** The path the CLI would use. Every character outside `[A-Za-z0-9]` of the real path becomes `-`, so different paths may collide. */
export function transcriptPath({ configDir, cwd, sessionId }: Where): string {
  const slug = realpathSync(cwd).replace(/[^A-Za-z0-9]/g, '-')
  const short = slug.length <= 200 ? slug : `${slug.slice(0, 200)}-${hash(slug)}`
  return join(configDir, 'projects', short, `${sessionId}.jsonl`)
}

/** Makes a conversation that begins as a copy of another. Returns the CLI's complaint when that cannot be, else null. */
export function copyTranscript(where: Where, original: string): string | null {
  const from = transcriptPath({ ...where, sessionId: original })
  const to = transcriptPath(where)
  if (!existsSync(from)) return `No conversation found with session ID: ${original}`
  if (existsSync(to)) return `Error: Session ID ${where.sessionId} is already in use.`
  writeFileSync(to, readFileSync(from, 'utf8').replaceAll(original, where.sessionId), { mode: 0o600 })
  return null
}

/** Opens a conversation, a new one or one to resume. Returns the CLI's complaint when it is there already, or is not. */
export function openTranscript(where: Where & { resume: boolean; atOnce: boolean }): Transcript | string {
  const path = transcriptPath(where)
  const exists = existsSync(path)
  if (where.resume && !exists) return `No conversation found with session ID: ${where.sessionId}`
  if (!where.resume && exists) return `Error: Session ID ${where.sessionId} is already in use.`
  const past = exists ? readPast(path) : { known: new Set<string>(), count: 0, cost: 0, last: null }
  let { count, last } = past
  let waiting = ''
  let timer: NodeJS.Timeout | undefined
  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    if (waiting === '') return
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    appendFileSync(path, waiting, { mode: 0o600 })
    waiting = ''
  }
  const append = (line: object) => {
    waiting += `${JSON.stringify(line)}\n`
    if (where.atOnce) flush()
    else timer ??= setTimeout(flush, HELD_BACK_MS)
  }
  const conversation = (type: string, uuid: string, rest: object) => {
    append({
      parentUuid: last,
      isSidechain: false,
      type,
      ...rest,
      uuid,
      timestamp: new Date().toISOString(),
      userType: 'external',
      entrypoint: 'sdk-cli',
      cwd: where.cwd,
      sessionId: where.sessionId,
      version: 'demo',
    })
    last = uuid
  }
  return {
    known: past.known,
    count: () => count,
    cost: past.cost,
    user: ({ uuid, text, merged, origin }) => {
      past.known.add(uuid)
      if (!origin) count += 1 + (merged?.length ?? 0)
      const extra = { ...(merged?.length && { mergedSendUuids: merged }), ...(origin && { origin }) }
      conversation('user', uuid, { message: { role: 'user', content: text }, ...extra })
    },
    assistant: (message) => conversation('assistant', randomUUID(), { message }),
    flush,
    close: (cost) => {
      if (last !== null) append({ type: 'cost-state', sessionId: where.sessionId, totalCostUSD: cost })
      flush()
    },
  }
}

type Line = {
  type?: string
  uuid?: string
  origin?: object
  totalCostUSD?: number
  mergedSendUuids?: string[]
  message?: { content?: unknown }
}

/** A line that does not parse is passed over: a process killed while it wrote leaves such a one. */
function readPast(path: string) {
  const past = { known: new Set<string>(), count: 0, cost: 0, last: null as string | null }
  for (const text of readFileSync(path, 'utf8').split('\n')) {
    const line = parse(text)
    if (line?.uuid) past.last = line.uuid
    if (line?.type === 'cost-state') past.cost = line.totalCostUSD ?? 0
    if (line?.type !== 'user' || typeof line.message?.content !== 'string' || !line.uuid) continue
    for (const uuid of [line.uuid, ...(line.mergedSendUuids ?? [])]) past.known.add(uuid)
    if (!line.origin) past.count += 1 + (line.mergedSendUuids?.length ?? 0)
  }
  return past
}

function parse(text: string): Line | null {
  if (text === '') return null
  try {
    return JSON.parse(text) as Line
  } catch {
    return null
  }
}

function hash(text: string): string {
  let value = 5381
  for (const character of text) value = (Math.imul(value, 33) ^ (character.codePointAt(0) ?? 0)) >>> 0
  return value.toString(36)
}
