/** The SQL of Claude's usage. */
import type { Database } from 'better-sqlite3'
import { keyOfHour, type Message, type Tokens } from './line.ts'

/** How far a file has been read. */
export interface FileRow {
  readonly path: string
  readonly inode: number
  readonly position: number
  readonly size: number
  readonly mark: Buffer
}

/** A piece of a file: its messages, and where to read on. */
export interface Piece {
  readonly file: FileRow
  readonly messages: readonly Message[]
  readonly bytes: number
  readonly lines: number
  readonly skipped_lines: number
}

export interface DayRow extends Tokens {
  readonly day: number
  readonly model: string
  readonly requests: number
  readonly context_max: number
}

export interface ActivityRow {
  readonly day: number
  readonly messages: number
  readonly sessions: number
  readonly new_sessions: number
}

export interface TotalsRow {
  readonly bytes: number
  readonly lines: number
  readonly skipped_lines: number
  readonly floor_day: number
}

/** The verbs in which the reader speaks to the database. */
export interface UsageStore {
  files(): FileRow[]
  /** Counts the messages that were not counted yet and keeps the place to read on, both or neither. */
  take(piece: Piece): void
  dropFiles(paths: readonly string[]): void
  /** Oldest day first. */
  days(): DayRow[]
  activity(): ActivityRow[]
  totals(): TotalsRow
  /** Forgets messages of before a moment, {@link FORGET} at most; from then on those of days before it count as copies. */
  forgetBefore(at: number, day: number): void
}

const DAY_MS = 86_400_000
/** So many take some milliseconds. */
const FORGET = 2_000

/** Prepares the statements of an open, migrated database. */
export const openUsageStore = (db: Database): UsageStore => {
  const files = db.prepare<[], FileRow>('SELECT path, inode, position, size, mark FROM usage_files')
  const keepFile = db.prepare(`
    INSERT INTO usage_files (path, inode, position, size, mark) VALUES (@path, @inode, @position, @size, @mark)
    ON CONFLICT (path) DO UPDATE SET inode = excluded.inode, position = excluded.position, size = excluded.size, mark = excluded.mark`)
  const dropFile = db.prepare('DELETE FROM usage_files WHERE path = ?')
  const see = db.prepare('INSERT INTO usage_seen (key, day, output_tokens) VALUES (?, ?, ?) ON CONFLICT (key) DO NOTHING')
  const seen = db.prepare<[bigint], { day: number; output_tokens: number | null }>(
    'SELECT day, output_tokens FROM usage_seen WHERE key = ?',
  )
  const seeMore = db.prepare('UPDATE usage_seen SET output_tokens = ? WHERE key = ?')
  const addRequest = db.prepare(`
    INSERT INTO usage_days (day, model, requests, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, context_max)
    VALUES (@day, @model, 1, @input_tokens, @output_tokens, @cache_read_tokens, @cache_creation_tokens, @context)
    ON CONFLICT (day, model) DO UPDATE SET requests = requests + 1, input_tokens = input_tokens + excluded.input_tokens,
      output_tokens = output_tokens + excluded.output_tokens, cache_read_tokens = cache_read_tokens + excluded.cache_read_tokens,
      cache_creation_tokens = cache_creation_tokens + excluded.cache_creation_tokens,
      context_max = max(context_max, excluded.context_max)`)
  const addOutput = db.prepare('UPDATE usage_days SET output_tokens = output_tokens + ? WHERE day = ? AND model = ?')
  const addActivity = db.prepare(`
    INSERT INTO usage_activity (day, messages, sessions, new_sessions) VALUES (@day, @messages, @sessions, @new_sessions)
    ON CONFLICT (day) DO UPDATE SET messages = messages + excluded.messages, sessions = sessions + excluded.sessions,
      new_sessions = new_sessions + excluded.new_sessions`)
  const addTotals = db.prepare('UPDATE usage_totals SET bytes = bytes + ?, lines = lines + ?, skipped_lines = skipped_lines + ?')
  const totals = db.prepare<[], TotalsRow>('SELECT bytes, lines, skipped_lines, floor_day FROM usage_totals')
  const raiseFloor = db.prepare('UPDATE usage_totals SET floor_day = max(floor_day, ?)')
  const forget = db.prepare('DELETE FROM usage_seen WHERE key IN (SELECT key FROM usage_seen WHERE key < ? ORDER BY key LIMIT ?)')
  const forgetSessions = db.prepare('DELETE FROM usage_sessions WHERE day < ?')
  const seeSession = db.prepare('INSERT INTO usage_sessions (key, day) VALUES (?, ?) ON CONFLICT (key) DO NOTHING')
  const days = db.prepare<[], DayRow>('SELECT * FROM usage_days ORDER BY day, model')
  const activity = db.prepare<[], ActivityRow>('SELECT * FROM usage_activity ORDER BY day')

  let floor_day = totals.get()?.floor_day ?? 0

  const isNewSession = (key: bigint, day: number | null): boolean => seeSession.run(key, day).changes === 1

  /** Another line of an answer, or a copy: the last line of an answer has the whole output. False where there was none before. */
  const countMore = (key: bigint, { request }: Message): boolean => {
    const before = seen.get(key)
    if (before === undefined || request === null || before.output_tokens === null) return before !== undefined
    if (before.output_tokens < request.output_tokens) {
      seeMore.run(request.output_tokens, key)
      addOutput.run(request.output_tokens - before.output_tokens, before.day, request.model)
    }
    return true
  }

  /** The conversation of the message before, by its day: most of a piece belongs to one. */
  let known_session: bigint | undefined

  const countNew = ({ day, request, session_day_key, session_key }: Message): void => {
    const sessions = session_day_key !== known_session && isNewSession(session_day_key, day) ? 1 : 0
    known_session = session_day_key
    const new_sessions = sessions === 1 && isNewSession(session_key, null) ? 1 : 0
    addActivity.run({ day, messages: 1, sessions, new_sessions })
    if (request === null) return
    const context = request.input_tokens + request.cache_read_tokens + request.cache_creation_tokens
    addRequest.run({ ...request, day, context })
  }

  return {
    files: () => files.all(),
    take: db.transaction(({ file, messages, bytes, lines, skipped_lines }: Piece) => {
      // What a transaction learned that was rolled back is not known.
      known_session = undefined
      for (const message of messages) {
        if (message.day < floor_day) continue
        const { key, earlier_key, day, request } = message
        if (request !== null && countMore(earlier_key, message)) continue
        if (see.run(key, day, request?.output_tokens ?? null).changes === 1) countNew(message)
        else countMore(key, message)
      }
      keepFile.run(file)
      if (lines > 0 || bytes > 0) addTotals.run(bytes, lines, skipped_lines)
    }),
    dropFiles: db.transaction((paths: readonly string[]) => {
      for (const path of paths) dropFile.run(path)
    }),
    days: () => days.all(),
    activity: () => activity.all(),
    totals: () => totals.get() ?? { bytes: 0, lines: 0, skipped_lines: 0, floor_day: 0 },
    forgetBefore: db.transaction((at: number, day: number) => {
      raiseFloor.run(day)
      floor_day = Math.max(floor_day, day)
      // The day of that moment is not over: its messages are known until it is.
      forget.run(keyOfHour(at - DAY_MS), FORGET)
      forgetSessions.run(day)
    }),
  }
}
