/** The SQL of Claude's usage. */
import type { Database } from 'better-sqlite3'
import type { Message, Tokens } from './line.ts'

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
  /**
   * Forgets the keys of messages before a day, one of {@link FORGET_SLICES} slices at a time; from then on such messages
   * count as copies.
   */
  forgetBefore(day: number, slice: number): void
}

/** Keys are hashes, so equal ranges of them hold about equally many. */
export const FORGET_SLICES = 256
const SLICE = 2n ** 64n / BigInt(FORGET_SLICES)
const LOWEST = -(2n ** 63n)

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
  const forget = db.prepare('DELETE FROM usage_seen WHERE key >= ? AND key < ? AND day < ?')
  const days = db.prepare<[], DayRow>('SELECT * FROM usage_days ORDER BY day, model')
  const activity = db.prepare<[], ActivityRow>('SELECT * FROM usage_activity ORDER BY day')

  let floor_day = totals.get()?.floor_day ?? 0

  const isNew = (key: bigint, day: number, output_tokens: number | null): boolean =>
    see.run(key, day, output_tokens).changes === 1

  /** Another line of an answer, or a copy: the last line of an answer has the whole output. */
  const countMore = ({ key, request }: Message): void => {
    const before = request === null ? undefined : seen.get(key)
    if (request === null || before?.output_tokens == null || before.output_tokens >= request.output_tokens) return
    seeMore.run(request.output_tokens, key)
    addOutput.run(request.output_tokens - before.output_tokens, before.day, request.model)
  }

  /** The conversation of the message before, by its day: most of a piece belongs to one. */
  let known_session: bigint | undefined

  const countNew = ({ day, request, session_day_key, session_key }: Message): void => {
    const sessions = session_day_key !== known_session && isNew(session_day_key, day, null) ? 1 : 0
    known_session = session_day_key
    // Never forgotten, or a long conversation would be counted anew.
    const new_sessions = sessions === 1 && isNew(session_key, 99_999_999, null) ? 1 : 0
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
        if (isNew(message.key, message.day, message.request?.output_tokens ?? null)) countNew(message)
        else countMore(message)
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
    forgetBefore: (day, slice) => {
      raiseFloor.run(day)
      floor_day = Math.max(floor_day, day)
      const from = LOWEST + SLICE * BigInt(slice)
      // The last slice ends where keys do, which no key reaches from above.
      const to = slice === FORGET_SLICES - 1 ? 2n ** 63n - 1n : from + SLICE
      forget.run(from, to, day)
    },
  }
}
